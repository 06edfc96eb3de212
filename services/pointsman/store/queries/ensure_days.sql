select audit.ensure_days(day, day) from unnest($1::date[]) as wanted (day)
