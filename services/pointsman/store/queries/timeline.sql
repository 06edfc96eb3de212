select timeline.*, letter.detail
from audit.timeline left join audit.dead_letters as letter
  on letter.job_id = $1 and letter.message_id = timeline.message_id
where timeline.job_id = $1
order by timeline.at, audit.step_of(kind), topic, partition, "offset"
