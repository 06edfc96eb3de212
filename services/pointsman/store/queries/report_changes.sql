select dimension, value, instead_of, first_at, before_job from audit.changes_before($1)
