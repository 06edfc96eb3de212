select stage, began_at, ended_at, took, model, attempt, status, error_type
from audit.stages where job_id = $1 order by began_at, ended_at
