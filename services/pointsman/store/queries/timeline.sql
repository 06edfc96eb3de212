select timeline.*, letter.detail, hidden.state as hidden
from audit.timeline left join audit.dead_letters as letter
  on letter.job_id = $1 and letter.message_id = timeline.message_id
left join (
  select topic, partition, "offset",
    case when erasure.key_id is null then 'sealed' else 'erased' end as state
  from audit.message left join audit.erasure on erasure.key_id = (privacy ->> 'key')::uuid
  where job_id = $1 and privacy ->> 'key' is not null
) as hidden using (topic, partition, "offset")
where timeline.job_id = $1
order by timeline.at, audit.step_of(kind), topic, partition, "offset"
