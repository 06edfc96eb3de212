-- Sprawl, further: limits far above what was used, rights that nothing uses, names that are nobody's, ids like our own.

create function audit.round_up(amount numeric) returns numeric
  language sql immutable parallel safe
as $$
  select case when amount > 0 then ceil(amount / unit) * unit else 0 end
  from (values (power(10::numeric, floor(log(nullif(greatest(amount, 0), 0))) - 1))) as two_digits (unit)
$$;
comment on function audit.round_up is 'To two digits, upwards: 1234 -> 1300, 0.0123 -> 0.013.';

create function audit.is_nobody(name text) returns boolean
  language sql immutable parallel safe
as $$
  select lower(regexp_replace(coalesce(name, ''), '^[\s<\[(]+|[\s>\])]+$', '', 'g')) in ('', '-', '--', '?', '...', 'changeme', 'fixme',
    'example', 'n/a', 'na', 'nil', 'no one', 'nobody', 'none', 'null', 'owner', 'placeholder', 'tba', 'tbc', 'tbd', 'team', 'test',
    'todo', 'unassigned', 'undefined', 'unknown', 'xxx')
$$;
comment on function audit.is_nobody is 'Whether an owner or a contact names nobody: blank, or a placeholder such as TBD.';

create or replace function audit.sprawl_of(registry jsonb, at timestamptz default now())
  returns table (finding text, agent_id text, owner text, detail text, narrower jsonb)
  language sql stable set work_mem = '64MB' as $$
  with change as (  -- of agents on record: since when each is there, and since when it is suspended
    select payload #>> '{agent,id}' as agent_id, min(broker_at) as first_at,
      min(broker_at) filter (where status = 'suspended' and broker_at > coalesce(other_at, '-infinity')) as suspended_at
    from (
      select payload, status, broker_at,
        max(broker_at) filter (where status <> 'suspended') over (partition by payload #>> '{agent,id}') as other_at
      from audit.message where kind = 'agent.changed.v1' and broker_at <= at
    ) as changes
    group by payload #>> '{agent,id}'
  ), entry as (
    select item ->> 'id' as agent_id, coalesce(item ->> 'state', 'active') as state, item ->> 'owner' as owner,
      item ->> 'contact' as contact, (item ->> 'expires')::date as expires,
      coalesce((item ->> 'changed_at')::timestamptz, '-infinity') as changed_at,
      item - 'state' - 'changed_at' as item
    from jsonb_array_elements(registry) as item
  ), active as (
    select entry.*,
      case jsonb_typeof(item -> 'tiers') when 'array' then array(select jsonb_array_elements_text(item -> 'tiers')) end as tiers,
      case jsonb_typeof(item -> 'kinds') when 'array' then array(select jsonb_array_elements_text(item -> 'kinds')) end as kinds,
      case jsonb_typeof(item -> 'tools') when 'array' then array(select jsonb_array_elements_text(item -> 'tools')) end as tools,
      case jsonb_typeof(item -> 'reviews') when 'array' then array(select jsonb_array_elements_text(item -> 'reviews')) end as reviews,
      case jsonb_typeof(item -> 'talks_to') when 'array' then array(select jsonb_array_elements_text(item -> 'talks_to')) end as talks_to,
      jsonb_array_length(case jsonb_typeof(item -> 'api_keys') when 'array' then item -> 'api_keys' else '[]' end) as api_keys,
      (item ->> 'max_chars')::numeric as max_chars, (item ->> 'jobs_per_minute')::numeric as jobs_per_minute,
      (item #>> '{budget,usd_per_day}')::numeric as usd_per_day, (item #>> '{budget,usd_per_job}')::numeric as usd_per_job
    from entry where state = 'active'
  ), job as (
    select job.agent_id, tier, task_kind, prompt_chars, first_seen_at, last_seen_at, cost_usd, unpriced_calls
    from audit.job
    where last_seen_at >= at - interval '30 days' and first_seen_at <= at and job.agent_id is not null
      and job.agent_id <> 'pointsman/shadow'  -- of which routers make jobs themselves, and nobody else can
  ), seen as (
    select job.agent_id, count(*) as jobs, max(last_seen_at) as last_at,
      coalesce(array_agg(distinct tier order by tier) filter (where tier is not null), '{}') as tiers,
      coalesce(array_agg(distinct task_kind order by task_kind) filter (where task_kind is not null), '{}') as kinds,
      bool_or(task_kind is null) as without_kind, max(prompt_chars) as chars, max(coalesce(cost_usd, 0)) as job_usd,
      bool_and(coalesce(unpriced_calls, 0) = 0) as is_priced
    from job group by job.agent_id
  ), day as (
    select agent_id, max(usd) as usd from (
      select job.agent_id, sum(coalesce(cost_usd, 0)) as usd from job join active using (agent_id)
      where usd_per_day is not null group by job.agent_id, (first_seen_at at time zone 'UTC')::date) as days
    group by agent_id
  ), minute as (
    select agent_id, max(jobs) as jobs from (
      select job.agent_id, count(*) as jobs from job join active using (agent_id)
      where jobs_per_minute is not null group by job.agent_id, date_trunc('minute', first_seen_at)) as minutes
    group by agent_id
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
  ), reviewed as (
    select payload ->> 'by' as agent_id, array_agg(distinct payload ->> 'queue') as queues
    from audit.message
    where kind = 'review.changed.v1' and broker_at >= at - interval '30 days' and broker_at <= at and payload ? 'by'
    group by payload ->> 'by'
  ), compared as (
    select active.*, seen.agent_id is null as is_unseen,
      case when not coalesce(active.tiers, every_tier.tiers) <@ seen.tiers then
        array(select unnest(seen.tiers) intersect select unnest(coalesce(active.tiers, seen.tiers)) order by 1) end as tiers_used,
      -- A job without a kind is not one of those that an entry names; an entry that names none has such jobs, too.
      case when active.kinds is null and not seen.without_kind or not active.kinds <@ seen.kinds then
        array(select unnest(seen.kinds) intersect select unnest(coalesce(active.kinds, seen.kinds)) order by 1) end as kinds_used,
      case when seen.agent_id is not null and not active.tools <@ coalesce(offered.tools, '{}') then
        array(select unnest(offered.tools) intersect select unnest(active.tools) order by 1) end as tools_used,
      case when not active.reviews <@ coalesce(reviewed.queues, '{}') then
        array(select unnest(reviewed.queues) intersect select unnest(active.reviews) order by 1) end as reviews_used,
      -- Limits leave room: ten times of what was ever used is far beyond it, twice is enough.
      case when max_chars > greatest(20000, 10 * seen.chars) then audit.round_up(greatest(10000, 2 * seen.chars)) end as chars_enough,
      case when jobs_per_minute > greatest(600, 10 * minute.jobs) then audit.round_up(greatest(300, 2 * minute.jobs)) end as rate_enough,
      case when is_priced and usd_per_day > greatest(20, 10 * day.usd) then audit.round_up(greatest(10, 2 * day.usd)) end as day_enough,
      case when is_priced and usd_per_job > greatest(2, 10 * job_usd) then audit.round_up(greatest(1, 2 * job_usd)) end as job_enough,
      seen.agent_id is not null and api_keys > 0 and not exists (
        select from audit.message where message.agent_id = active.agent_id and source = 'pointsman/gateway'
          and kind = 'job.submitted.v1' and broker_at >= at - interval '30 days' and broker_at <= at) as keys_unused
    from active left join seen on seen.agent_id = active.agent_id left join offered on offered.agent_id = active.agent_id
    left join reviewed on reviewed.agent_id = active.agent_id left join minute on minute.agent_id = active.agent_id
    left join day on day.agent_id = active.agent_id cross join every_tier
    where seen.agent_id is not null or reviewed.agent_id is not null
  ), wide as (
    select agent_id, owner, concat_ws('; ',
        'tiers: ' || coalesce(array_to_string(tiers, ', '), 'all') || ' -> ' || array_to_string(nullif(tiers_used, '{}'), ', '),
        'kinds: ' || coalesce(array_to_string(kinds, ', '), 'all') || ' -> ' || array_to_string(nullif(kinds_used, '{}'), ', '),
        case when tools_used is not null then
          'tools: ' || array_to_string(tools, ', ') || ' -> ' || coalesce(nullif(array_to_string(tools_used, ', '), ''), 'none') end,
        case when reviews_used is not null then
          'reviews: ' || array_to_string(reviews, ', ') || ' -> ' || coalesce(nullif(array_to_string(reviews_used, ', '), ''), 'none') end,
        'talks_to: ' || array_to_string(talks_to, ', ') || ' -> none',
        'max_chars: ' || max_chars || ' -> ' || trim_scale(chars_enough),
        'jobs_per_minute: ' || jobs_per_minute || ' -> ' || trim_scale(rate_enough),
        'usd_per_day: ' || usd_per_day || ' -> ' || trim_scale(day_enough),
        'usd_per_job: ' || usd_per_job || ' -> ' || trim_scale(job_enough),
        case when keys_unused then 'api_keys: no job of its own came through a gateway' end
      ) as detail,
      item - array_remove(array[case when reviews_used = '{}' then 'reviews' end, case when talks_to is not null then 'talks_to' end,
          case when keys_unused then 'api_keys' end], null)
        || jsonb_strip_nulls(jsonb_build_object('tiers', to_jsonb(nullif(tiers_used, '{}')), 'kinds', to_jsonb(nullif(kinds_used, '{}')),
          'tools', to_jsonb(tools_used), 'reviews', to_jsonb(nullif(reviews_used, '{}')), 'max_chars', trim_scale(chars_enough),
          'jobs_per_minute', trim_scale(rate_enough),
          'budget', case when coalesce(day_enough, job_enough) is not null then (item -> 'budget') || jsonb_strip_nulls(
            jsonb_build_object('usd_per_day', trim_scale(day_enough), 'usd_per_job', trim_scale(job_enough))) end)) as narrower
    from compared
  ), idle as (
    select entry.agent_id, entry.owner, entry.state, item, coalesce(suspended_at, changed_at) as suspended_at
    from entry left join change on change.agent_id = entry.agent_id
    where state <> 'retired' and not coalesce((item ->> 'gateway')::boolean, false)  -- a gateway has no jobs of its own
      and not exists (select from seen where seen.agent_id = entry.agent_id)
      and not exists (select from reviewed where reviewed.agent_id = entry.agent_id)
      and case state when 'suspended' then coalesce(suspended_at, changed_at) < at - interval '30 days'
        -- An entry that was edited is not a new one: it was there before, or jobs of it were.
        else least(changed_at, first_at) < at - interval '30 days' or exists (
          select from audit.message where message.agent_id = entry.agent_id and kind = 'job.submitted.v1'
            and broker_at < at - interval '30 days') end
  )
  select * from (
    select 'unregistered', seen.agent_id, entry.owner, case when entry.agent_id is null then '' else 'it is retired: ' end
      || format('%s jobs in 30 days, the last on %s', jobs, (last_at at time zone 'UTC')::date), null::jsonb
    from seen left join entry on entry.agent_id = seen.agent_id
    where entry.agent_id is null or entry.state = 'retired' and last_at > entry.changed_at
    union all
    select 'idle', idle.agent_id, idle.owner, case state
        when 'suspended' then format('suspended since %s, and no job in 30 days: resume it or retire it',
          case when isfinite(suspended_at) then to_char(suspended_at at time zone 'UTC', 'YYYY-MM-DD') else 'before the record' end)
        else 'no job in 30 days' end, null
    from idle
    union all
    select 'no owner', active.agent_id, active.owner, case
        when audit.is_nobody(active.owner) then format('%s is nobody', coalesce(nullif(trim(active.owner), ''), 'an empty owner'))
        when contact is null then 'nobody can be reached: the entry has no contact'
        else format('nobody can be reached: the contact is %s', coalesce(nullif(trim(contact), ''), 'blank')) end, null
    from active where audit.is_nobody(contact) or audit.is_nobody(active.owner)
    union all
    select case when expires is null or expires > (at at time zone 'UTC')::date + 90 then 'no expiry' else 'expiring' end,
      active.agent_id, active.owner, case
        when expires is null then 'it is registered for ever'
        when expires <= (at at time zone 'UTC')::date then format('it expired on %s and is refused', expires)
        when expires > (at at time zone 'UTC')::date + 90 then format('it expires on %s, more than 90 days ahead', expires)
        else format('it expires on %s', expires) end, null
    from active where expires is null or expires <= (at at time zone 'UTC')::date + 14 or expires > (at at time zone 'UTC')::date + 90
    union all
    select 'too wide', wide.agent_id, wide.owner, wide.detail, wide.narrower from wide where wide.detail <> ''
    union all
    select 'too wide', idle.agent_id, idle.owner, 'kafka: a login and a topic of its own -> none', item - 'kafka'
    from idle where state = 'active' and coalesce((item ->> 'kafka')::boolean, false)
  ) as found (finding, agent_id, owner, detail, narrower)
  order by 1, 2
$$;
