-- What failures have in common, and what changed before them: quick enough for a day of a million messages.

create index message_policy on audit.message (policy_version, broker_at) where kind = 'job.routed.v1';
create index message_model on audit.message (model, broker_at) where kind = 'call.finished.v1' and status = 'ok';

create function audit.suspects(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity')
  returns table (dimension text, value text, failed bigint, good bigint, share_of_failed numeric,
    share_of_good numeric, share_of_good_meanwhile numeric, failure_rate numeric, lift numeric, usual_error text,
    first_failed_at timestamptz, last_failed_at timestamptz, example_job uuid)
  language sql stable set work_mem = '128MB' as $$
  with trouble as (
    -- Most of the failures; a stray one long before or after does not stretch the time.
    select percentile_disc(0.05) within group (order by at) as began_at,
      percentile_disc(0.95) within group (order by at) as ended_at from audit.work(since, until) where failed
  ), cell as materialized (
    -- Work that is alike in everything is counted once: a day has few kinds of it.
    select row_number() over () as id, alike.*, to_char(began at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"') as hour
    from (
      select work.agent_id, work.task_kind, work.tier, work.rule, work.policy_version, work.provider, work.model,
        work.prompt_length, date_trunc('hour', at) as began, work.what, work.error_type,
        count(*) filter (where work.failed) as failed, count(*) filter (where not work.failed) as good,
        count(*) filter (where not work.failed and at between began_at and ended_at) as meanwhile,
        min(at) filter (where work.failed) as first_failed_at,
        max(at) filter (where work.failed) as last_failed_at,
        (array_agg(job_id) filter (where work.failed))[1] as example_job
      from audit.work(since, until) as work cross join trouble
      where work.failed is not null and began_at is not null
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) as alike
  ), total as materialized (
    select sum(failed) as failed, nullif(sum(good), 0) as good, nullif(sum(meanwhile), 0) as meanwhile from cell
  ), trait as materialized (
    select cell.id, trait.place, trait.dimension, trait.value
    from cell cross join lateral (values (1, 'model', model), (2, 'agent_id', agent_id), (3, 'task_kind', task_kind),
      (4, 'rule', rule), (5, 'policy_version', policy_version), (6, 'tier', tier), (7, 'provider', provider),
      (8, 'prompt_length', prompt_length), (9, 'hour', hour), (10, 'what', what), (10000, 'error_type', error_type))
      as trait (place, dimension, value)
    where trait.value is not null
  ), single as (
    -- Compared with all good work, and with that which went well while the failures lasted: what came up at the
    -- same time as they did would look like a cause otherwise.
    select counted.*, share_of_failed - (share_of_good + share_meanwhile) / 2 as score from (
      select dimension, value, place, sum(failed) as failed, sum(good) as good,
        min(first_failed_at) as first_failed_at, max(last_failed_at) as last_failed_at,
        (array_agg(example_job) filter (where failed > 0))[1] as example_job,
        (array_agg(error_type order by failed desc) filter (where failed > 0))[1] as usual_error,
        sum(failed) / (select failed from total) as share_of_failed,
        coalesce(sum(good) / (select good from total), 0) as share_of_good,
        coalesce(sum(meanwhile) / (select meanwhile from total), sum(good) / (select good from total), 0)
          as share_meanwhile
      from trait join cell using (id) group by dimension, value, place having sum(failed) > 0) as counted
  ), likely as (
    select * from single where score > 0 and place < 10000 order by score desc, place limit 25
  ), pair as (
    select counted.*, share_of_failed - (share_of_good + share_meanwhile) / 2 as score from (
      select one.dimension as one_dimension, one.value as one_value, other.dimension as other_dimension,
        other.value as other_value, one.place * 100 + other.place as place, greatest(one.score, other.score) as least,
        sum(cell.failed) as failed, sum(cell.good) as good, min(cell.first_failed_at) as first_failed_at,
        max(cell.last_failed_at) as last_failed_at,
        (array_agg(cell.example_job) filter (where cell.failed > 0))[1] as example_job,
        (array_agg(cell.error_type order by cell.failed desc) filter (where cell.failed > 0))[1] as usual_error,
        sum(cell.failed) / (select failed from total) as share_of_failed,
        coalesce(sum(cell.good) / (select good from total), 0) as share_of_good,
        coalesce(sum(cell.meanwhile) / (select meanwhile from total), sum(cell.good) / (select good from total), 0)
          as share_meanwhile
      from likely as one join trait as first on first.dimension = one.dimension and first.value = one.value
      join trait as second on second.id = first.id and second.place > first.place
      join likely as other on other.dimension = second.dimension and other.value = second.value
      join cell on cell.id = first.id
      group by 1, 2, 3, 4, 5, 6 having sum(cell.failed) > 1) as counted
  ), telling as (
    -- A pair is told only where it says more than each of its parts, and of pairs that say the same one.
    select distinct on (failed, good, first_failed_at, last_failed_at)
      one_dimension || ' + ' || other_dimension as dimension, one_value || ' + ' || other_value as value, place, failed,
      good, first_failed_at, last_failed_at, example_job, usual_error, share_of_failed, share_of_good, share_meanwhile,
      score
    from pair where score > 0.02 + least
    order by failed, good, first_failed_at, last_failed_at, place
  )
  select dimension, value, suspect.failed::bigint, suspect.good::bigint, round(share_of_failed, 3),
    round(share_of_good, 3), round(share_meanwhile, 3),
    round(suspect.failed / (suspect.failed + suspect.good), 3),
    case when place < 10000 then round(suspect.failed / (suspect.failed + suspect.good)
      / (total.failed / (total.failed + coalesce(total.good, 0))), 2) end,
    usual_error, first_failed_at, last_failed_at, example_job
  from (select * from single union all select * from telling) as suspect cross join total
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
    last_at timestamptz)
  language sql stable set work_mem = '64MB' as $$
  with called as (
    select tier, provider, model, broker_at < since as before, count(*) as messages, min(broker_at) as first_at,
      max(broker_at) as last_at
    from audit.message
    where kind = 'call.finished.v1' and status = 'ok' and broker_at >= since - look_back and broker_at < until
    group by 1, 2, 3, 4
  ), routed as (
    select rule, policy_version, agent_id, routed_at < since as before, count(*) as messages,
      min(routed_at) as first_at, max(routed_at) as last_at
    from audit.job
    where last_seen_at >= since - look_back and first_seen_at < until and routed_at >= since - look_back
      and routed_at < until
    group by 1, 2, 3, 4
  ), trait as (
    select trait.dimension, trait.value, before, messages, first_at, last_at
    from routed cross join lateral (values ('policy_version', policy_version), ('rule', rule), ('agent_id', agent_id))
      as trait (dimension, value)
    union all
    select 'model of ' || tier, provider || '/' || model, before, messages, first_at, last_at from called
  ), seen as (
    select dimension, value, sum(messages)::bigint as messages, min(first_at) as first_at, max(last_at) as last_at,
      bool_or(before) as was_there, bool_or(not before) as is_there,
      min(min(first_at)) over (partition by dimension) as known_since
    from trait where value is not null group by dimension, value
  )
  -- The first of its kind on record is no change: before it there is no record.
  select first_at, 'appeared', dimension, value, messages, first_at, last_at
  from seen where not was_there and first_at > known_since
  union all
  select last_at, 'not seen after', dimension, value, messages, first_at, last_at
  from seen where not is_there
  order by 1
$$;
comment on function audit.changes is
'What changed: policy versions, rules, models and agents that appeared, or were not seen any more?
Compared with the time before: look_back is how much of it. Versions are as decisions and calls name them.
select at, change, dimension, value, messages from audit.changes(now() - interval ''1 hour'')';

create function audit.changes_before(job uuid, look_back interval default '1 day')
  returns table (dimension text, value text, first_at timestamptz, before_job interval, instead_of text)
  language plpgsql stable as $$
declare
  it    audit.job;
  since timestamptz;  -- what is seen from here on, and was not in the time before, is new
  early timestamptz;  -- where that time before begins: few partitions are looked at
begin
  select * into it from audit.job as one where one.job_id = job;
  since := it.submitted_at - look_back;
  early := since - look_back;
  return query
    select trait.dimension, trait.value, trait.first_at, it.submitted_at - trait.first_at, trait.instead_of from (
      select 'policy_version' as dimension, it.policy_version as value, first.first_at, (
        select policy_version from audit.message where kind = 'job.routed.v1'
          and broker_at < first.first_at and broker_at >= early order by broker_at desc limit 1) as instead_of
      from (select min(broker_at) as first_at from audit.message
        where kind = 'job.routed.v1' and policy_version = it.policy_version and broker_at >= early) as first
      union all
      select 'model of ' || it.tier, it.provider || '/' || it.model, first.first_at, (
        select provider || '/' || model from audit.message where kind = 'call.finished.v1'
          and broker_at < first.first_at and broker_at >= early and tier = it.tier and status = 'ok'
        order by broker_at desc limit 1)
      from (select min(broker_at) as first_at from audit.message
        where kind = 'call.finished.v1' and model = it.model and status = 'ok' and broker_at >= early) as first
      union all
      select 'agent_id', it.agent_id, first.first_at, (select 'no job of it' where exists (
        select from audit.message
        where kind = 'job.submitted.v1' and broker_at < first.first_at and broker_at >= early))
      from (select min(broker_at) as first_at from audit.message
        where agent_id = it.agent_id and broker_at >= early) as first
    ) as trait
    where trait.first_at >= since and trait.instead_of is not null
    order by trait.first_at;
end $$;
comment on function audit.changes_before is
'What was new for a job: its policy version, its model, its agent?
New is what was seen in the look_back before the job and not in as long a time before that. first_at is when it was first seen, before_job how long before the job was submitted (negative: while it was under way), instead_of what was there before it.
select * from audit.changes_before(''JOB'')';
