select job_id from audit.job where job_id between $1 and $2
union
select job_id from audit.job
where reverse(right(job_id::text, 12)) collate "C" between $3 and $4
  and right(replace(job_id::text, '-', ''), length($5)) = $5
order by job_id limit $6
