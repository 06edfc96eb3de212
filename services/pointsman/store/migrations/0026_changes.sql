-- What else was hit, by a word of the prompt too; and what is a change in a system that is young.

-- How many jobs are hit is guessed far too low: nested loops would be chosen.
create or replace function audit.blast_radius(dimension text, value text,
    since timestamptz default now() - interval '1 day', until timestamptz default 'infinity')
  returns table (job_id uuid, agent_id text, state text, tier text, model text, submitted_at timestamptz,
    finished_at timestamptz, calls bigint, failed_calls bigint, cost_usd numeric, last_error text)
  language plpgsql stable set work_mem = '64MB' set enable_nestloop = off as $$
declare
  known     constant text[] := array['agent_id', 'task_kind', 'tier', 'rule', 'policy_version', 'provider', 'model',
    'error_type', 'prompt_length', 'hour', 'what', 'word'];
  names     constant text[] := regexp_split_to_array(dimension, '\s*\+\s*');
  wanted    constant text[] := case array_length(names, 1) when 1 then array[value]
    else regexp_split_to_array(value, '\s*\+\s*') end;
  condition text := '';
  spoken    text := '';
begin
  if not names <@ known then
    raise exception 'unknown dimension %', dimension
      using hint = 'one of ' || array_to_string(known, ', ') || '; or two of them: ''agent_id + model''',
        errcode = 'invalid_parameter_value';
  end if;
  if array_length(names, 1) <> array_length(wanted, 1) then
    raise exception '% has % parts, its value % has %', dimension, array_length(names, 1), value,
      array_length(wanted, 1) using hint = 'write the value as audit.suspects does: ''chat-desk + gpt-4.1-nano''',
        errcode = 'invalid_parameter_value';
  end if;
  for place in 1 .. array_length(names, 1) loop
    if names[place] = 'word' then
      spoken := spoken || format(' and job.job_id in (
        select asked.job_id from audit.message as asked
        cross join lateral (select audit.prompt_text(coalesce(payload #> ''{job,request}'', payload -> ''request'', payload))) as prompt (text)
        where asked.kind in (''job.routed.v1'', ''job.submitted.v1'') and asked.broker_at >= $1 - interval ''1 day''
          and asked.broker_at < $2 and strpos(lower(prompt.text), %1$L) > 0
          and %1$L in (select audit.prompt_words(prompt.text)))', lower(wanted[place]));
    else
      condition := condition || format(' and work.%I = %L', names[place], wanted[place]);
    end if;
  end loop;
  return query execute
    'select job.job_id, job.agent_id, job.state, job.tier, job.model, job.submitted_at, job.finished_at, job.calls,
       job.failed_calls, job.cost_usd, job.last_error
     from audit.jobs as job
     where job.last_seen_at >= $1 and job.first_seen_at < $2
       and job.job_id in (select work.job_id from audit.work($1, $2) as work where true' || condition || ')' || spoken || '
     order by job.submitted_at' using since, until;
end $$;
comment on function audit.blast_radius is
'What else was hit: each job since then that has this agent, model, rule, error, word of the prompt, ... ?
dimension: agent_id, task_kind, tier, rule, policy_version, provider, model, error_type, prompt_length, hour, what, word; or two of them, written as audit.suspects writes them. For a word the prompts of all these jobs are read.
select state, count(*), sum(cost_usd) from audit.blast_radius(''model'', ''gpt-4.1-nano'', now() - interval ''1 hour'') group by state';

create or replace function audit.changes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', look_back interval default '1 day')
  returns table (at timestamptz, change text, dimension text, value text, messages bigint, first_at timestamptz,
    last_at timestamptz)
  language sql stable set work_mem = '64MB' as $$
  with called as (
    select tier, provider, model, broker_at < since as before, count(*) as messages, min(broker_at) as first_at, max(broker_at) as last_at
    from audit.message
    where kind = 'call.finished.v1' and status = 'ok' and broker_at >= since - look_back and broker_at < until
    group by 1, 2, 3, 4
  ), routed as (
    select rule, policy_version, agent_id, routed_at < since as before, count(*) as messages, min(routed_at) as first_at, max(routed_at) as last_at
    from audit.job
    where last_seen_at >= since - look_back and first_seen_at < until and routed_at >= since - look_back
      and routed_at < until
    group by 1, 2, 3, 4
  ), record as materialized (
    -- A system is young where nothing is on record from before the time that is looked back at.
    select not exists (select from audit.job where first_seen_at < since - look_back) as young
  ), trait as materialized (
    select trait.dimension, trait.value, before, messages, first_at, last_at
    from routed cross join lateral (values ('policy_version', policy_version), ('rule', rule), ('agent_id', agent_id))
      as trait (dimension, value) where trait.value is not null
    union all
    select 'model of ' || tier, provider || '/' || model, before, messages, first_at, last_at
    from called where model is not null
  ), seen as (
    select dimension, value, sum(messages)::bigint as messages, min(first_at) as first_at, max(last_at) as last_at,
      bool_or(before) as was_there, bool_or(not before) as is_there,
      min(min(first_at)) over (partition by dimension) as known_since
    from trait group by dimension, value
  ), per_second as materialized (
    select 'model of ' || tier as dimension, date_trunc('second', broker_at) as second, count(*) as messages
    from audit.message
    where (select young from record) and kind = 'call.finished.v1' and status = 'ok' and broker_at >= since - look_back
      and broker_at < until and model is not null
    group by 1, 2
    union all
    select null, date_trunc('second', routed_at), count(*)
    from audit.job
    where (select young from record) and routed_at >= since - look_back and routed_at < until group by 1, 2
  )
  -- The first of its kind on record is no change: before it there is no record. In a young system nothing is but what
  -- can hardly be chance: that so many messages all fall into the share of the time that is left, 1 in 100.
  select first_at, 'appeared', dimension, value, messages, first_at, last_at
  from seen cross join record cross join lateral (
    select coalesce(sum(other.messages) filter (where other.second >= date_trunc('second', first_at)), 0)::float
      / nullif(sum(other.messages), 0) as share
    from per_second as other
    where young and coalesce(other.dimension, seen.dimension) = seen.dimension
      and (other.dimension is null) = (seen.dimension not like 'model of %')) as since_then
  where not was_there and first_at > known_since and (not young or messages * ln(since_then.share) < ln(0.01))
  union all
  select last_at, 'not seen after', dimension, value, messages, first_at, last_at
  from seen cross join record cross join lateral (
    select coalesce(sum(other.messages) filter (where other.second <= date_trunc('second', last_at)), 0)::float
      / nullif(sum(other.messages), 0) as share
    from per_second as other
    where young and coalesce(other.dimension, seen.dimension) = seen.dimension
      and (other.dimension is null) = (seen.dimension not like 'model of %')) as until_then
  where not is_there and (not young or messages * ln(until_then.share) < ln(0.01))
  union all
  select min(first_at), 'the record begins', null, null, null, min(first_at), null
  from seen cross join record where young having count(*) > 0
  order by 1
$$;
comment on function audit.changes is
'What changed: policy versions, rules, models and agents that appeared, or were not seen any more?
Compared with the time before: look_back is how much of it. Where the record does not reach back so far, a line says when it begins, and only what can be no chance counts as a change. Versions are as decisions and calls name them.
select at, change, dimension, value, messages from audit.changes(now() - interval ''1 hour'')';
