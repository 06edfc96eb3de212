-- A job that goes up in its cascade is on its way, not astray.

create or replace function audit.misroutes(since timestamptz default now() - interval '1 day',
    until timestamptz default 'infinity', few_tokens integer default 20)
  returns table (verdict text, job_id uuid, agent_id text, tier text, rule text, policy_version text, task_kind text,
    tokens_out bigint, cost_usd numeric, evidence text)
  language sql stable set work_mem = '64MB' as $$
  with dearest as (
    select prices.tier from audit.token_prices(since, until) as prices
    order by usd_per_million_in + usd_per_million_out desc limit 1
  ), judged as (
    select case
        when routes > 1 and first_tier <> tier and rule <> 'cascade' then 'too low'
        when last_error in ('model_not_found', 'authentication') then 'no such model'
        when state = 'completed' and tokens_out <= few_tokens and calls = 1 and tier = (select tier from dearest)
          then 'perhaps too high' end as verdict, job.*
    from audit.jobs as job
    where last_seen_at >= since and first_seen_at < until and submitted_at >= since and submitted_at < until
  )
  select verdict, job_id, agent_id, case verdict when 'too low' then first_tier else tier end, rule, policy_version,
    task_kind, tokens_out, cost_usd, case verdict
      when 'too low' then 'went from ' || first_tier || ' to ' || tier
      when 'no such model' then 'the provider of this tier answers ' || last_error
      else 'an answer of ' || tokens_out || ' tokens on the dearest tier' end
  from judged where verdict is not null
$$;
comment on function audit.misroutes is
'Which jobs went to the wrong tier, and how do we know?
too low: had to go up, otherwise than in a cascade, which is made for that. perhaps too high: a short answer (up to few_tokens) on the dearest tier. no such model: the tier''s own provider refuses all.
select verdict, rule, task_kind, count(*), sum(cost_usd) from audit.misroutes(now() - interval ''1 day'') group by 1, 2, 3 order by 4 desc';
