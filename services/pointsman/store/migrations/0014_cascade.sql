-- Cascades: each answer that was judged; and what they save, held against asking the dearest model once.

create view audit.cascade_steps as
select job_id, at, agent_id, step ->> 'tier' as tier, (step ->> 'accepted')::boolean as accepted,
  step ->> 'reason' as reason, step ->> 'detail' as detail, (step ->> 'confidence')::double precision as confidence,
  (step ->> 'threshold')::double precision as threshold, (step ->> 'attempts')::bigint as attempts,
  (step ->> 'cost_usd')::numeric as cost_usd
from (
  select job_id, audit.happened_at(kind, produced_at, broker_at) as at, agent_id, payload #> '{steps,-1}' as step
  from audit.message where kind = 'job.routed.v1' and rule = 'cascade' and payload ? 'steps'
  union all
  select job_id, audit.happened_at(kind, produced_at, broker_at), agent_id, payload #> '{cascade,-1}'
  from audit.message where kind = 'job.completed.v1' and payload #>> '{cascade,-1,accepted}' = 'true') as judged;
comment on view audit.cascade_steps is
'Which answers of a cascade counted, which sent the job up, and by which comparison?
A row for each answer that was judged; the last tier''s never is. cost_usd is of that tier''s calls.
select tier, accepted, reason, count(*), sum(cost_usd) from audit.cascade_steps where at > now() - interval ''1 day'' group by 1, 2, 3 order by 1, 2';

create or replace function audit.cost_daily(since timestamptz default now() - interval '7 days',
    until timestamptz default 'infinity')
  returns table (day date, tier text, model text, jobs bigint, calls bigint, failed_calls bigint, tokens_in bigint,
    tokens_out bigint, cost_usd numeric, unpriced_calls bigint, always_dearest_usd numeric, saved_usd numeric,
    saved_percent numeric, dearest_model text)
  language sql stable as $$
  with dearest as (
    select model, usd_per_million_in, usd_per_million_out from audit.token_prices(since, until)
    order by usd_per_million_in + usd_per_million_out desc limit 1
  ), climbed as (
    select distinct job_id, payload #>> '{steps,-1,tier}' as tier from audit.message
    where kind = 'job.routed.v1' and rule = 'cascade' and broker_at >= since - interval '1 day' and broker_at < until
  ), called as (
    select (broker_at at time zone 'UTC')::date as day, tier, model, status = 'ok' as ok, count(*) as calls,
      count(*) filter (where attempt = 1) as jobs, sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out,
      sum(tokens_in) filter (where climbed.job_id is null) as kept_in,
      sum(tokens_out) filter (where climbed.job_id is null) as kept_out,
      sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as unpriced_calls
    from audit.message left join climbed using (job_id, tier)
    where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
    group by 1, 2, 3, 4
  ), spent as (
    -- A call that failed names the model as it was asked for, an answer often adds a date to it.
    select called.day, called.tier, coalesce(answered.model, called.model) as model, sum(jobs)::bigint as jobs,
      sum(calls)::bigint as calls, coalesce(sum(calls) filter (where not ok), 0)::bigint as failed_calls,
      sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd) as cost_usd,
      sum(kept_in) as kept_in, sum(kept_out) as kept_out, sum(unpriced_calls)::bigint as unpriced_calls
    from called left join lateral (
      select max(good.model) as model from called as good
      where not called.ok and good.ok and good.day = called.day and good.tier = called.tier
        and starts_with(good.model, called.model)) as answered on true
    group by 1, 2, 3
  ), compared as (
    select spent.*, round((coalesce(kept_in, 0) * usd_per_million_in + coalesce(kept_out, 0) * usd_per_million_out)
        / 1e6, 8) as always_dearest_usd, dearest.model as dearest_model
    from spent left join dearest on true
  )
  select day, tier, model, jobs, calls, failed_calls, tokens_in, tokens_out, cost_usd, unpriced_calls,
    always_dearest_usd, always_dearest_usd - cost_usd,
    round(100 * (always_dearest_usd - cost_usd) / nullif(always_dearest_usd, 0), 1), dearest_model
  from compared order by day, tier, model
$$;
comment on function audit.cost_daily is
'What did it cost, day by day and tier by tier, and what would the dearest model have cost for the same tokens?
jobs are those whose first call on the tier is of that day. always_dearest_usd prices the same tokens as the dearest model of that time (usually the frontier tier) was paid, but for answers that did not count in a cascade: the dearest would have been asked once; saved_usd is the difference. cost_usd leaves out the unpriced_calls.
select day, tier, model, calls, cost_usd, always_dearest_usd, saved_usd, saved_percent from audit.cost_daily(now() - interval ''7 days'')';
