select since_start, kind, source, status, error_type, topic || '/' || partition || '@' || "offset" as place, message_id
from audit.timeline where job_id = $1 order by at, audit.step_of(kind), topic, partition, "offset"
