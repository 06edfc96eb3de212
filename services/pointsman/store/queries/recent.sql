with latest as (
  select job_id, max(broker_at) as at from (
    select job_id, broker_at from audit.message
    where kind = 'job.submitted.v1' order by broker_at desc limit $1 * 2  -- some submit a job twice
  ) as submitted group by job_id order by at desc limit $1
)
select * from audit.jobs where job_id = any (array(select job_id from latest))
order by submitted_at desc, job_id
