select at, before_job, change, dimension, value from audit.changes_before($1)
