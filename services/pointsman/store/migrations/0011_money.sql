-- Questions about money. Costs stand on calls; a call whose price is not known has none and is counted apart.

create function audit.token_prices(since timestamptz default now() - interval '7 days',
    until timestamptz default 'infinity')
  returns table (tier text, provider text, model text, calls bigint, usd_per_million_in numeric,
    usd_per_million_out numeric, exact boolean)
  language sql stable as $$
  -- Prices are so much a token in and so much a token out: two unknowns, found by least squares.
  with sums as (
    select tier, provider, model, count(*) as calls,
      sum(tokens_in::float * tokens_in) as ii, sum(tokens_in::float * tokens_out) as io,
      sum(tokens_out::float * tokens_out) as oo, sum(tokens_in * cost_usd::float) as ic,
      sum(tokens_out * cost_usd::float) as oc, sum(cost_usd::float) / sum(tokens_in + tokens_out) as mean
    from audit.message
    where kind = 'call.finished.v1' and broker_at >= since and broker_at < until and cost_usd > 0
      and tokens_in + tokens_out > 0
    group by tier, provider, model
  ), solved as (
    select *, ii * oo - io * io as determinant from sums
  )
  select tier, provider, model, calls,
    round((1e6 * case when determinant > 1e-6 * ii * oo then (ic * oo - oc * io) / determinant else mean end)::numeric, 4),
    round((1e6 * case when determinant > 1e-6 * ii * oo then (oc * ii - ic * io) / determinant else mean end)::numeric, 4),
    determinant > 1e-6 * ii * oo
  from solved order by 5 + 6 desc
$$;
comment on function audit.token_prices is
'What was paid for a million tokens in and out, by model?
Worked out from the calls themselves. exact is false where they are too few or too alike to tell in from out: both are then the mean price.
select * from audit.token_prices(now() - interval ''7 days'')';

create function audit.cost_daily(since timestamptz default now() - interval '7 days',
    until timestamptz default 'infinity')
  returns table (day date, tier text, model text, jobs bigint, calls bigint, failed_calls bigint, tokens_in bigint,
    tokens_out bigint, cost_usd numeric, unpriced_calls bigint, always_dearest_usd numeric, saved_usd numeric,
    saved_percent numeric, dearest_model text)
  language sql stable as $$
  with dearest as (
    select model, usd_per_million_in, usd_per_million_out from audit.token_prices(since, until)
    order by usd_per_million_in + usd_per_million_out desc limit 1
  ), called as (
    select (broker_at at time zone 'UTC')::date as day, tier, model, status = 'ok' as ok, count(*) as calls,
      count(*) filter (where attempt = 1) as jobs, sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out,
      sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as unpriced_calls
    from audit.message
    where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
    group by 1, 2, 3, 4
  ), spent as (
    -- A call that failed names the model as it was asked for, an answer often adds a date to it.
    select called.day, called.tier, coalesce(answered.model, called.model) as model, sum(jobs)::bigint as jobs,
      sum(calls)::bigint as calls, coalesce(sum(calls) filter (where not ok), 0)::bigint as failed_calls,
      sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd) as cost_usd,
      sum(unpriced_calls)::bigint as unpriced_calls
    from called left join lateral (
      select max(good.model) as model from called as good
      where not called.ok and good.ok and good.day = called.day and good.tier = called.tier
        and starts_with(good.model, called.model)) as answered on true
    group by 1, 2, 3
  ), compared as (
    select spent.*, round((coalesce(tokens_in, 0) * usd_per_million_in + coalesce(tokens_out, 0) * usd_per_million_out)
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
jobs are those whose first call on the tier is of that day. always_dearest_usd prices the same tokens as the dearest model of that time (usually the frontier tier) was paid; saved_usd is the difference. cost_usd leaves out the unpriced_calls.
select day, tier, model, calls, cost_usd, always_dearest_usd, saved_usd, saved_percent from audit.cost_daily(now() - interval ''7 days'')';

create function audit.waste(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity')
  returns table (reason text, calls bigint, jobs bigint, cost_usd numeric, unpriced_calls bigint, tokens_in bigint,
    tokens_out bigint, model_seconds numeric, example_job uuid)
  language sql stable set work_mem = '64MB' as $$
  with call as (
    select job_id, status, tokens_in, tokens_out, cost_usd, duration_ms,
      row_number() over (partition by job_id, tier, status = 'ok' order by broker_at, attempt) as place
    from audit.message where kind = 'call.finished.v1' and broker_at >= since and broker_at < until
  ), wasted as (
    select case
        when call.status in ('cancelled', 'expired') then 'broken off'
        when call.status <> 'ok' then 'failed, tried again or given up'
        when place > 1 then 'answered twice on one tier'
        else 'answered, but the job was ' || job.outcome end as reason, call.*
    from call left join audit.job as job on job.job_id = call.job_id and job.outcome <> 'completed'
      and job.last_seen_at >= since and job.first_seen_at < until
    where call.status <> 'ok' or place > 1 or job.outcome is not null
  )
  select reason, count(*), count(distinct job_id), coalesce(sum(cost_usd), 0), count(*) filter (where cost_usd is null),
    sum(tokens_in)::bigint, sum(tokens_out)::bigint, round((sum(duration_ms) / 1000)::numeric, 1),
    (array_agg(job_id))[1]
  from wasted group by reason order by 4 desc, 2 desc
$$;
comment on function audit.waste is
'What was paid for nothing: failed and repeated calls, jobs that ran twice, answers that nobody got?
cost_usd leaves out the unpriced_calls: a call that broke off may have been charged, nobody knows.
select reason, calls, jobs, cost_usd, unpriced_calls, model_seconds from audit.waste(now() - interval ''1 day'')';
