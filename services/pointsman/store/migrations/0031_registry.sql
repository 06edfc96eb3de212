-- The registry as the record has it, and where agents sprawl.

create index message_registry on audit.message (broker_at) where kind = 'agent.changed.v1';

create view audit.registry as
select distinct on (payload #>> '{agent,id}') payload #>> '{agent,id}' as agent_id, status as state,
  payload #>> '{agent,owner}' as owner, payload #>> '{agent,contact}' as contact,
  (payload #>> '{agent,expires}')::date as expires, payload ->> 'by' as changed_by,
  payload ->> 'approved_by' as approved_by, payload ->> 'reason' as reason, broker_at as changed_at,
  payload -> 'agent' as entry
from audit.message where kind = 'agent.changed.v1' and payload #>> '{agent,id}' is not null
order by payload #>> '{agent,id}', broker_at desc, "offset" desc;
comment on view audit.registry is
'Which agents are registered, who owns each, and who changed it last?
The latest change of each agent that is on record here; changes from before the oldest day that is kept are not. pointsman agents list reads the registry itself.
select * from audit.registry order by changed_at desc';

create function audit.sprawl_of(registry jsonb, at timestamptz default now())
  returns table (finding text, agent_id text, owner text, detail text, narrower jsonb)
  language sql stable set work_mem = '64MB' as $$
  with entry as (
    select item ->> 'id' as agent_id, coalesce(item ->> 'state', 'active') as state, item ->> 'owner' as owner,
      item ->> 'contact' as contact, (item ->> 'expires')::date as expires,
      coalesce((item ->> 'changed_at')::timestamptz, '-infinity') as changed_at,
      item - 'state' - 'changed_at' as item
    from jsonb_array_elements(registry) as item
  ), active as (
    select entry.*,
      case jsonb_typeof(item -> 'tiers') when 'array' then array(select jsonb_array_elements_text(item -> 'tiers')) end as tiers,
      case jsonb_typeof(item -> 'kinds') when 'array' then array(select jsonb_array_elements_text(item -> 'kinds')) end as kinds,
      case jsonb_typeof(item -> 'tools') when 'array' then array(select jsonb_array_elements_text(item -> 'tools')) end as tools
    from entry where state = 'active'
  ), seen as (
    select job.agent_id, count(*) as jobs, max(last_seen_at) as last_at,
      coalesce(array_agg(distinct tier order by tier) filter (where tier is not null), '{}') as tiers,
      coalesce(array_agg(distinct task_kind order by task_kind) filter (where task_kind is not null), '{}') as kinds,
      bool_or(task_kind is null) as without_kind
    from audit.job
    where last_seen_at >= at - interval '30 days' and first_seen_at <= at and job.agent_id is not null
      and job.agent_id not like 'pointsman/%'
    group by job.agent_id
  ), every_tier as (  -- that anybody used: who has all of them needs all of them
    select coalesce(array_agg(distinct tier), '{}') as tiers from seen, unnest(seen.tiers) as tier
  ), offered as (
    -- Only where an entry names tools: this looks at each of the agent's jobs.
    select message.agent_id, array_agg(distinct name) as tools
    from audit.message join active on active.agent_id = message.agent_id and active.tools is not null
    cross join lateral (values (payload -> 'tools'), (payload -> 'functions'), (payload #> '{request,tools}'),
      (payload #> '{request,functions}')) as given (tools)
    cross join lateral jsonb_array_elements(case jsonb_typeof(given.tools) when 'array' then given.tools else '[]' end) as tool
    cross join lateral coalesce(tool #>> '{function,name}', tool ->> 'name', tool ->> 'type') as name
    where kind = 'job.submitted.v1' and broker_at >= at - interval '30 days' and broker_at <= at and name is not null
    group by message.agent_id
  ), used as (
    select active.agent_id, active.owner, active.item, active.tiers, active.kinds, active.tools, seen.jobs,
      case when not coalesce(active.tiers, every_tier.tiers) <@ seen.tiers then
        array(select unnest(seen.tiers) intersect select unnest(coalesce(active.tiers, seen.tiers)) order by 1) end as tiers_used,
      case when not seen.without_kind and (active.kinds is null or not active.kinds <@ seen.kinds) then
        array(select unnest(seen.kinds) intersect select unnest(coalesce(active.kinds, seen.kinds)) order by 1) end as kinds_used,
      case when not active.tools <@ coalesce(offered.tools, '{}') then
        array(select unnest(offered.tools) intersect select unnest(active.tools) order by 1) end as tools_used
    from active join seen on seen.agent_id = active.agent_id left join offered on offered.agent_id = active.agent_id
    cross join every_tier
  ), wide as (
    select agent_id, owner, item, concat_ws('; ',
        'tiers: ' || coalesce(array_to_string(tiers, ', '), 'all') || ' -> ' || array_to_string(nullif(tiers_used, '{}'), ', '),
        'kinds: ' || coalesce(array_to_string(kinds, ', '), 'all') || ' -> ' || array_to_string(nullif(kinds_used, '{}'), ', '),
        case when tools_used is not null then
          'tools: ' || array_to_string(tools, ', ') || ' -> ' || coalesce(nullif(array_to_string(tools_used, ', '), ''), 'none') end
      ) as detail,
      item || jsonb_strip_nulls(jsonb_build_object('tiers', to_jsonb(nullif(tiers_used, '{}')),
        'kinds', to_jsonb(nullif(kinds_used, '{}')), 'tools', to_jsonb(tools_used))) as narrower
    from used
  )
  select * from (
    select 'unregistered', seen.agent_id, null::text,
      format('%s jobs in 30 days, the last on %s', jobs, (last_at at time zone 'UTC')::date), null::jsonb
    from seen left join entry on entry.agent_id = seen.agent_id where entry.agent_id is null
    union all
    select 'idle', active.agent_id, active.owner, 'no job in 30 days', null
    from active left join seen on seen.agent_id = active.agent_id
    where seen.agent_id is null and changed_at < at - interval '30 days'
    union all
    select 'no owner', active.agent_id, active.owner, case
        when contact is null then 'nobody can be reached: the entry has no contact'
        else format('%s is nobody', coalesce(nullif(active.owner, ''), 'an empty owner')) end, null
    from active
    where contact is null or lower(coalesce(active.owner, '')) in ('', '-', '?', 'n/a', 'nobody', 'none', 'tbd', 'todo', 'unknown')
    union all
    select case when expires is null then 'no expiry' else 'expiring' end, active.agent_id, active.owner, case
        when expires is null then 'it is registered for ever'
        when expires <= (at at time zone 'UTC')::date then format('it expired on %s and is refused', expires)
        else format('it expires on %s', expires) end, null
    from active where expires is null or expires <= (at at time zone 'UTC')::date + 14
    union all
    select 'too wide', wide.agent_id, wide.owner, wide.detail, wide.narrower from wide where wide.detail <> ''
  ) as found (finding, agent_id, owner, detail, narrower)
  order by 1, 2
$$;
comment on function audit.sprawl_of is
'Which of these agents are idle, too powerful, about to expire or nobody''s, and which were seen and are not among them?
registry: entries as in agents.yaml, each with state and changed_at. What agents used counts in the 30 days before at; narrower is the entry with what was used. pointsman agents audit asks with the registry itself.
select * from audit.sprawl_of(''[{"id": "support-desk", "owner": "care"}]'')';

create view audit.sprawl as
select * from audit.sprawl_of(
  (select coalesce(jsonb_agg(entry || jsonb_build_object('state', state, 'changed_at', changed_at)), '[]') from audit.registry));
comment on view audit.sprawl is
'Which agents are unregistered, idle, too powerful, about to expire or nobody''s?
By the changes of the registry that are on record here, see audit.registry, and the jobs of the last 30 days. narrower is an entry with what was used, for agents.yaml.
select finding, agent_id, detail from audit.sprawl';
