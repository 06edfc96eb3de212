select topic, partition, "offset", audit.happened_at(kind, produced_at, broker_at) as at, value, privacy
from audit.message where job_id = $1 and kind = 'job.routed.v1' order by at desc limit 1
