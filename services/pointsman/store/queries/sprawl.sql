-- $1: registry entries, each with state and changed_at. $2: the time to evaluate at.
select finding, agent_id, owner, detail, narrower from audit.sprawl_of($1, $2)
