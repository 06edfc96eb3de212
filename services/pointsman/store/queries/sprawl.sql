-- $1: entries of the registry, each with state and changed_at. $2: as of when.
select finding, agent_id, owner, detail, narrower from audit.sprawl_of($1, $2)
