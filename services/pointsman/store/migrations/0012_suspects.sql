-- What failures have in common, and what changed before them.

create function audit.suspects(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity')
  returns table (dimension text, value text, failed bigint, good bigint, share_of_failed numeric,
    share_of_good numeric, share_of_good_meanwhile numeric, failure_rate numeric, lift numeric, usual_error text,
    first_failed_at timestamptz, last_failed_at timestamptz, example_job uuid)
  language sql stable as $$
  with work as materialized (
    select * from audit.work(since, until) as work where work.failed is not null
  ), trouble as (
    -- Most of the failures; a stray one long before or after does not stretch the time.
    select percentile_disc(0.05) within group (order by at) as began_at,
      percentile_disc(0.95) within group (order by at) as ended_at from work where failed
  ), cell as materialized (
    -- Work that is alike in everything is counted once: a day has few kinds of it.
    select row_number() over () as id, *
    from (
      select work.agent_id, work.task_kind, work.tier, work.rule, work.policy_version, work.provider, work.model,
        work.prompt_length, work.hour, work.what, work.error_type,
        count(*) filter (where work.failed) as failed, count(*) filter (where not work.failed) as good,
        count(*) filter (where not work.failed and at between began_at and ended_at) as meanwhile,
        min(at) filter (where work.failed) as first_failed_at,
        max(at) filter (where work.failed) as last_failed_at,
        (array_agg(job_id) filter (where work.failed))[1] as example_job
      from work cross join trouble
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) as alike
  ), total as (
    select sum(failed) as failed, nullif(sum(good), 0) as good, nullif(sum(meanwhile), 0) as meanwhile from cell
  ), trait as (
    select cell.id, trait.place, trait.dimension, trait.value
    from cell cross join lateral (values (1, 'model', model), (2, 'agent_id', agent_id), (3, 'task_kind', task_kind),
      (4, 'rule', rule), (5, 'policy_version', policy_version), (6, 'tier', tier), (7, 'provider', provider),
      (8, 'prompt_length', prompt_length), (9, 'hour', hour), (10, 'what', what)) as trait (place, dimension, value)
    where trait.value is not null
  ), pair as (
    select one.id, one.place * 100 + other.place as place, one.dimension || ' + ' || other.dimension as dimension,
      one.value || ' + ' || other.value as value, one.dimension as first_dimension, one.value as first_value,
      other.dimension as second_dimension, other.value as second_value
    from trait as one join trait as other on one.id = other.id and one.place < other.place
  ), candidate as (
    select dimension, value, place, null as first_dimension, null as first_value, null as second_dimension,
      null as second_value, id from trait
    union all
    select dimension, value, place, first_dimension, first_value, second_dimension, second_value, id from pair
    union all
    select 'error_type', error_type, 10000, null, null, null, null, id from cell where error_type is not null
  ), counted as (
    select dimension, value, place, first_dimension, first_value, second_dimension, second_value,
      sum(failed) as failed, sum(good) as good, min(first_failed_at) as first_failed_at,
      max(last_failed_at) as last_failed_at, (array_agg(example_job) filter (where failed > 0))[1] as example_job,
      (array_agg(error_type order by failed desc) filter (where failed > 0))[1] as usual_error,
      sum(failed) / (select failed from total) as share_of_failed,
      coalesce(sum(good) / (select good from total), 0) as share_of_good,
      coalesce(sum(meanwhile) / (select meanwhile from total), 0) as share_meanwhile
    from candidate join cell using (id) group by 1, 2, 3, 4, 5, 6, 7 having sum(failed) > 0
  ), ranked as (
    -- Compared with all good work, and with that which went well while the failures lasted: what came up at the
    -- same time as they did would look like a cause otherwise.
    select *, share_of_failed - (share_of_good + share_meanwhile) / 2 as score from counted
  ), telling as (
    -- A pair is told only where it says more than each of its parts, and of pairs that say the same one.
    select distinct on (pair.failed, pair.good, pair.first_failed_at, pair.last_failed_at) pair.*
    from ranked as pair
    join ranked as one on one.dimension = pair.first_dimension and one.value = pair.first_value
    join ranked as other on other.dimension = pair.second_dimension and other.value = pair.second_value
    where pair.failed > 1 and pair.score > 0.02 + greatest(one.score, other.score)
    order by pair.failed, pair.good, pair.first_failed_at, pair.last_failed_at, pair.place
  )
  select dimension, value, suspect.failed::bigint, suspect.good::bigint, round(share_of_failed, 3),
    round(share_of_good, 3), round(share_meanwhile, 3),
    round(suspect.failed / (suspect.failed + suspect.good), 3),
    case when place < 10000 then round(suspect.failed / (suspect.failed + suspect.good)
      / (total.failed / (total.failed + coalesce(total.good, 0))), 2) end,
    usual_error, first_failed_at, last_failed_at, example_job
  from (select * from ranked where first_dimension is null union all select * from telling) as suspect
  cross join total
  where score > 0 or total.good is null
  order by place = 10000, score desc, place, value
  limit 30
$$;
comment on function audit.suspects is
'What do failures have in common that good work has not?
The likeliest cause comes first. share_of_failed: part of all failures that has this value; share_of_good: part of all good work that has it, ..._meanwhile: of the good work done while nine tenths of the failures happened; failure_rate: failures among work with this value; lift: that rate against the rate of all work, 1 is no connection. A pair is listed where it tells more than its parts. Errors come last: no good work has one.
select dimension, value, failed, good, share_of_failed, share_of_good, lift, usual_error from audit.suspects(now() - interval ''1 hour'')';

create function audit.changes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', look_back interval default '1 day')
  returns table (at timestamptz, change text, dimension text, value text, messages bigint, first_at timestamptz,
    last_at timestamptz, example_job uuid)
  language sql stable as $$
  with trait as (
    select broker_at, job_id, trait.dimension, trait.value, broker_at < since as before
    from audit.message cross join lateral (values ('policy_version', policy_version),
      ('rule', rule), ('model of ' || tier, case when provider is not null then provider || '/' || model end),
      ('agent_id', agent_id), ('source', case when kind <> 'job.submitted.v1' then source end))
      as trait (dimension, value)
    where kind in ('job.routed.v1', 'call.finished.v1') and trait.value is not null
      and broker_at >= since - look_back and broker_at < until
  ), seen as (
    select dimension, value, count(*) as messages, min(broker_at) as first_at, max(broker_at) as last_at,
      bool_or(before) as was_there, bool_or(not before) as is_there,
      (array_agg(job_id order by broker_at))[1] as first_job, (array_agg(job_id order by broker_at desc))[1] as last_job
    from trait group by dimension, value
  )
  select first_at, 'appeared', dimension, value, messages, first_at, last_at, first_job
  from seen where not was_there
  union all
  select last_at, 'not seen after', dimension, value, messages, first_at, last_at, last_job
  from seen where not is_there
  order by 1
$$;
comment on function audit.changes is
'What changed: policy versions, rules, models, agents and services that appeared, or were not seen any more?
Compared with the time before: look_back is how much of it. Versions are as decisions and calls name them.
select at, change, dimension, value, messages from audit.changes(now() - interval ''1 hour'')';

create function audit.changes_before(job uuid, look_back interval default '1 hour')
  returns table (at timestamptz, before_job interval, change text, dimension text, value text, messages bigint)
  language sql stable as $$
  select changes.at, jobs.submitted_at - changes.at, change, dimension, value, changes.messages
  from audit.jobs cross join lateral audit.changes(jobs.submitted_at - look_back,
    coalesce(jobs.finished_at, 'infinity') + interval '1 second', look_back) as changes
  where jobs.job_id = job order by changes.at
$$;
comment on function audit.changes_before is
'What changed just before a job, or while it was under way?
before_job is how long before it was submitted; negative: while it was under way.
select * from audit.changes_before(''JOB'')';
