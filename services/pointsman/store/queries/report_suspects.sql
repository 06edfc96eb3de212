-- What failed jobs had in common, from an hour before the job until an hour after its end.
select dimension, value, failed, good, share_of_failed, share_of_good, lift, lift_low, usual_error
from audit.jobs as job cross join lateral audit.suspects(job.submitted_at - interval '1 hour',
  coalesce(job.finished_at, job.submitted_at) + interval '1 hour')
where job.job_id = $1 limit 8
