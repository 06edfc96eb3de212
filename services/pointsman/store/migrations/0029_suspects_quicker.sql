-- What failed or slow jobs have in common, in fewer looks at them.

create function audit.usual_ms(since timestamptz, until timestamptz)
  returns table (tier text, provider text, slow_from double precision, jobs bigint) language sql stable as $$
  -- Slow: longer than 95 of 100 such calls of the day before; without that, than three times the quickest quarter.
  select meanwhile.tier, meanwhile.provider, coalesce(before.ms, meanwhile.ms), meanwhile.jobs
  from (
    select slowest_by[1] as tier, slowest_by[2] as provider,
      3 * percentile_cont(0.25) within group (order by slowest_ms) as ms, count(*) as jobs
    from audit.job
    where slowest_at >= since and slowest_at < until and last_seen_at >= since - interval '1 hour'
    group by 1, 2) as meanwhile
  left join (
    select slowest_by[1] as tier, slowest_by[2] as provider, percentile_cont(0.95) within group (order by slowest_ms) as ms
    from audit.job
    where slowest_at >= since - interval '1 day' and slowest_at < since
      and last_seen_at >= since - interval '25 hours' and first_seen_at < since
    group by 1, 2 having count(*) >= 100) as before
    on before.tier = meanwhile.tier and before.provider = meanwhile.provider
  where meanwhile.tier is not null and meanwhile.provider is not null
$$;
comment on function audit.usual_ms is
  'From how many milliseconds on a job''s longest call is slow, for each tier and provider; jobs: with such a call.';

drop function audit.judged_jobs;
create function audit.judged_jobs(since timestamptz, until timestamptz, judged_by text, usual jsonb)
  returns table (job_id uuid, bad boolean, began_at timestamptz, ended_at timestamptz, agent_id text, task_kind text,
    tier text, rule text, policy_version text, provider text, model text, prompt_length text, what text,
    error_type text, prompt_chars integer, first_seen_at timestamptz, last_seen_at timestamptz)
  language sql stable as $$
  -- Each job once, however often it was tried; of a failed one the target that failed first, not a fallback.
  select job_id, case judged_by when 'failed' then outcome <> 'completed' else failed_calls > 0 end,
    coalesce(failed_call_at, finished_at), finished_at, agent_id, task_kind,
    coalesce(failed_by[1], called_tier, tier), rule, policy_version, coalesce(failed_by[2], provider),
    coalesce(failed_by[3], model_asked, model), audit.prompt_length(prompt_chars),
    case when calls > 0 then 'call' else 'no call' end,
    case when outcome <> 'completed' or judged_by = 'retried' then coalesce(outcome_reason, last_error) end,
    prompt_chars, first_seen_at, last_seen_at
  from audit.job
  where judged_by in ('failed', 'retried') and finished_at >= since and finished_at < until
    and last_seen_at >= since - interval '1 hour'
    and case judged_by when 'failed' then outcome in ('completed', 'failed', 'rejected', 'expired') else calls > 0 end
  union all
  -- A record that came to nothing, where no job says so.
  select letter.job_id, true, letter.broker_at, letter.broker_at, letter.agent_id, null, null, null, null, null, null, null,
    'dead letter', letter.error_type, null, letter.broker_at, letter.broker_at
  from audit.message as letter left join audit.job as job on job.job_id = letter.job_id
  where judged_by = 'failed' and letter.kind = 'job.dead.v1' and letter.broker_at >= since and letter.broker_at < until
    and coalesce(job.outcome not in ('rejected', 'expired', 'failed'), true)
  union all
  -- Slow: longer than is usual on its tier, see audit.usual_ms.
  select job.job_id, job.slowest_ms > usual.slow_from,
    job.slowest_at, job.slowest_at + least(job.slowest_ms, 1e11) * interval '1 millisecond', job.agent_id, job.task_kind,
    job.slowest_by[1], job.rule, job.policy_version, job.slowest_by[2], job.slowest_by[3],
    audit.prompt_length(job.prompt_chars), 'call', null, job.prompt_chars, job.first_seen_at, job.last_seen_at
  from audit.job as job
  join jsonb_to_recordset(judged_jobs.usual) as usual (tier text, provider text, slow_from double precision)
    on usual.tier = job.slowest_by[1] and usual.provider = job.slowest_by[2]
  where judged_by = 'slow' and job.slowest_at >= since and job.slowest_at < until
    and job.last_seen_at >= since - interval '1 hour'
$$;
comment on function audit.judged_jobs is
  'Each job of a time that went one way or the other (failed, retried, slow), with what is known of it; usual: what audit.usual_ms says, where slow ones are asked for.';

create or replace function audit.suspects(since timestamptz default now() - interval '1 hour',
    until timestamptz default 'infinity', outcome text default 'failed', words boolean default true)
  returns table (dimension text, value text, failed bigint, good bigint, share_of_failed numeric,
    share_of_good numeric, share_of_good_meanwhile numeric, failure_rate numeric, lift numeric, usual_error text,
    first_failed_at timestamptz, last_failed_at timestamptz, example_job uuid, lift_low numeric, lift_high numeric)
  language plpgsql stable set work_mem = '128MB' set jit = off as $$
#variable_conflict use_column
declare
  usual jsonb;   -- which calls are slow, found once
  jobs  bigint;  -- that went one way or the other
begin
  if coalesce(outcome, '') not in ('failed', 'retried', 'slow') then
    raise exception 'unknown outcome %', outcome using hint = 'one of failed, retried, slow',
      errcode = 'invalid_parameter_value';
  end if;
  if outcome = 'slow' then
    select jsonb_agg(known), sum(known.jobs) into usual, jobs from audit.usual_ms(since, until) as known;
  else
    select count(*) into jobs from audit.judged_jobs(since, until, outcome, null) where bad is not null;
  end if;
  return query
  with judged as materialized (
    -- All failures. More good jobs than 40,000 tell nothing new: of more a sample, always the same one, scaled up below.
    select * from audit.judged_jobs(suspects.since, suspects.until, suspects.outcome, usual)
    where bad or (not bad and uuid_hash_extended(job_id, 0) & 1048575 < 1048576 * (40000 / greatest(jobs, 40000)::float))
  ), trouble as materialized (
    -- Most of the failures; a stray one long before or after does not stretch the time.
    select percentile_disc(0.1) within group (order by began_at) as began_at,
      percentile_disc(0.9) within group (order by began_at) as ended_at from judged where bad
  ), cell as materialized (
    -- Jobs that are alike in everything are counted once: a day has few kinds of them.
    select row_number() over () as id, alike.*, to_char(began at time zone 'UTC', 'YYYY-MM-DD HH24:00 "UTC"') as hour
    from (
      select agent_id, task_kind, tier, rule, policy_version, provider, model, prompt_length,
        date_trunc('hour', judged.began_at) as began, what, error_type,
        count(*) filter (where bad)::float as failed, count(*) filter (where not bad)::float as good,
        count(*) filter (where not bad and judged.began_at between trouble.began_at and trouble.ended_at)::float as meanwhile,
        min(judged.began_at) filter (where bad) as first_at, max(judged.ended_at) filter (where bad) as last_at,
        (array_agg(job_id) filter (where bad))[1] as example
      from judged cross join trouble where trouble.began_at is not null
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) as alike
  ), total as materialized (
    select sum(failed) as failed, sum(good) as good, sum(meanwhile) as meanwhile, min(first_at) as first_at,
      max(last_at) as last_at, (array_agg(example) filter (where failed > 0))[1] as example
    from cell having sum(failed) > 0
  ), trait as materialized (
    select cell.id, trait.place, trait.dimension, trait.value
    from cell cross join lateral (values (1, 'model', model), (2, 'agent_id', agent_id), (3, 'task_kind', task_kind),
      (4, 'rule', rule), (5, 'policy_version', policy_version), (6, 'tier', tier), (7, 'provider', provider),
      (8, 'prompt_length', prompt_length), (9, 'hour', hour), (10, 'what', what), (10000, 'error_type', error_type))
      as trait (place, dimension, value)
    where trait.value is not null
  ), single as materialized (
    -- Compared with all good jobs, and with those that went well while the failures lasted: what came up at the
    -- same time as they did would look like a cause otherwise.
    select *, audit.likeness(failed, good, meanwhile, of_failed, of_good, of_meanwhile) as score from (
      select trait.dimension, trait.value, place, sum(cell.failed) as failed, sum(cell.good) as good,
        sum(cell.meanwhile) as meanwhile, total.failed as of_failed, total.good as of_good,
        total.meanwhile as of_meanwhile, min(cell.first_at) as first_at, max(cell.last_at) as last_at,
        (array_agg(cell.example) filter (where cell.failed > 0))[1] as example,
        (array_agg(error_type order by cell.failed desc) filter (where cell.failed > 0))[1] as usual_error
      from trait join cell using (id) cross join total
      group by trait.dimension, trait.value, place, total.failed, total.good, total.meanwhile) as counted
  ), likely as materialized (
    select * from single where score > 0 and place < 10000 and failed > 0 order by score desc, place limit 25
  ), pair as materialized (
    select *, audit.likeness(failed, good, meanwhile, of_failed, of_good, of_meanwhile) as score from (
      select one.dimension || ' + ' || other.dimension as dimension, one.value || ' + ' || other.value as value,
        one.place * 100 + other.place as place, sum(cell.failed) as failed, sum(cell.good) as good,
        sum(cell.meanwhile) as meanwhile, one.of_failed, one.of_good, one.of_meanwhile, min(cell.first_at) as first_at,
        max(cell.last_at) as last_at,
        (array_agg(cell.example) filter (where cell.failed > 0))[1] as example,
        (array_agg(error_type order by cell.failed desc) filter (where cell.failed > 0))[1] as usual_error,
        greatest(one.score, other.score) as least
      from likely as one join trait as first on first.dimension = one.dimension and first.value = one.value
      join trait as second on second.id = first.id and second.place > first.place
      join likely as other on other.dimension = second.dimension and other.value = second.value
      join cell on cell.id = first.id
      group by one.dimension, one.value, other.dimension, other.value, one.place, other.place, one.score, other.score,
        one.of_failed, one.of_good, one.of_meanwhile having sum(cell.failed) > 1) as counted
  ), picked as materialized (
    -- Prompts are read of a sample, always the same one, with a bound on jobs and on characters.
    select bounded.*, not bad and bounded.began_at between trouble.began_at and
      trouble.ended_at as meanwhile
    from (
      select *, row_number() over of_kind as number, sum(least(prompt_chars, 16000)) over of_kind as chars from (
        (select *, uuid_hash_extended(job_id, 0) as pick from judged where bad and prompt_chars > 0 and words
          order by uuid_hash_extended(job_id, 0) limit 300)
        union all
        (select *, uuid_hash_extended(job_id, 0) from judged where not bad and prompt_chars > 0 and words
          order by uuid_hash_extended(job_id, 0) limit 600)) as hashed
      window of_kind as (partition by bad order by pick rows unbounded preceding)) as bounded cross join trouble
    where number <= 20 or chars <= case when bad then 300000 else 600000 end
  ), of_picked as materialized (
    select count(*) filter (where bad)::float as failed, count(*) filter (where not bad)::float as good,
      count(*) filter (where meanwhile)::float as meanwhile from picked
  ), wording as materialized (
    select picked.job_id, picked.bad, picked.meanwhile, word
    from picked
    cross join lateral (
      select coalesce(payload #> '{job,request}', payload -> 'request', payload) as body from audit.message
      where job_id = picked.job_id and kind in ('job.routed.v1', 'job.submitted.v1')
        and broker_at between picked.first_seen_at and picked.last_seen_at
      order by kind limit 1) as asked
    cross join lateral audit.prompt_words(audit.prompt_text(body)) as word
  ), word as materialized (
    select word, count(*) filter (where bad)::float as failed, count(*) filter (where not bad)::float as good,
      count(*) filter (where meanwhile)::float as meanwhile
    from wording group by word having count(*) >= 3
  ), tried as materialized (
    -- What every job has, or hardly any, could not be found anyway. Pairs are chosen among all that there could be.
    select ln(40 * greatest(1, of_value + of_word)) as needed,
      ln(40 * greatest(1, of_value * (of_value - 1) / 2 + of_value * of_word)) as needed_of_pair
    from (
      select count(*)::float as of_value from single
      where place < 10000 and failed + good >= 3 and failed + good < of_failed + of_good) as value
    cross join (
      select count(*)::float as of_word from word cross join of_picked as of
      where word.failed + word.good < of.failed + of.good) as spoken
  ), likely_word as materialized (
    -- The words of a text come together: of those that say the same a number is told, or else the longest.
    select * from (
      select distinct on (word.failed, word.good, word.meanwhile) word.*, of.failed as of_failed, of.good as of_good,
        of.meanwhile as of_meanwhile,
        audit.likeness(word.failed, word.good, word.meanwhile, of.failed, of.good, of.meanwhile) as score
      from word cross join of_picked as of
      where word.failed >= 3 and word.failed * of.good > word.good * of.failed
      order by word.failed, word.good, word.meanwhile, word ~ '\d' desc, length(word) desc, word) as different
    where score > 0 order by audit.evidence(failed, good, of_failed, of_good) desc, word limit 5
  ), worded as materialized (
    select likely_word.*, picked.job_id, picked.bad, picked.meanwhile as is_meanwhile, began_at, ended_at, error_type, agent_id,
      task_kind, tier, rule, policy_version, provider, model, prompt_length, what
    from likely_word join wording using (word) join picked using (job_id)
  ), spoken_pair as materialized (
    select likely.dimension || ' + word' as dimension, likely.value || ' + ' || word as value,
      likely.place * 100 + 11 as place, count(*) filter (where bad)::float as failed,
      count(*) filter (where not bad)::float as good, count(*) filter (where is_meanwhile)::float as meanwhile,
      worded.of_failed, worded.of_good, worded.of_meanwhile, min(began_at) filter (where bad) as first_at,
      max(ended_at) filter (where bad) as last_at,
      (array_agg(job_id) filter (where bad))[1] as example,
      max(error_type) filter (where bad) as usual_error,
      0.02 + greatest(worded.score, likely.score) as least, word, worded.failed as failed_of_word,
      likely.score as score_of_value, likely.score >= worded.score as says_more
    from worded join (select * from likely order by score desc, place limit 10) as likely on likely.value = case likely.dimension when 'model' then model when 'agent_id' then agent_id
      when 'task_kind' then task_kind when 'rule' then rule when 'policy_version' then policy_version when 'tier' then tier
      when 'provider' then provider when 'prompt_length' then prompt_length when 'what' then what end
    group by likely.dimension, likely.value, likely.place, likely.score, word, worded.failed, worded.of_failed, worded.of_good,
      worded.of_meanwhile, worded.score having count(*) filter (where bad) >= 3
  ), candidate as (
    select dimension, value, place, failed, good, meanwhile, of_failed, of_good, of_meanwhile, first_at, last_at,
      example, usual_error, 0 as least from single where failed > 0
    union all
    select dimension, value, place, failed, good, meanwhile, of_failed, of_good, of_meanwhile, first_at, last_at,
      example, usual_error, 0.02 + least from pair
    union all
    select dimension, value, place, failed, good, meanwhile, of_failed, of_good, of_meanwhile, first_at, last_at,
      example, usual_error, greatest(least, (
        select max(score_of_value) from spoken_pair as other
        where other.word = spoken_pair.word and other.failed = other.failed_of_word)) from spoken_pair
    union all
    -- The words that an agent always writes say no more than the agent, as their pairs do above.
    select 'word', word, 11, failed, good, meanwhile, of_failed, of_good, of_meanwhile, min(began_at) filter (where bad),
      max(ended_at) filter (where bad), (array_agg(job_id) filter (where bad))[1],
      max(error_type) filter (where bad), 0
    from worded
    where word not in (select word from spoken_pair as other where says_more and other.failed = failed_of_word)
    group by word, failed, good, meanwhile, of_failed, of_good, of_meanwhile
  ), weighed as (
    select candidate.*, audit.likeness(failed, good, meanwhile, of_failed, of_good, of_meanwhile) as score,
      audit.evidence(failed, good, of_failed, of_good) as evidence,
      ((failed + 0.5) / (of_failed + 1)) / ((good + 0.5) / (of_good + 1)) as ratio,
      case when place between 100 and 9999 then needed_of_pair else needed end as needed
    from candidate cross join tried
  ), telling as (
    -- A pair is told only where it says more than each of its parts, and of pairs that say the same one.
    select distinct on (same) * from (
      select *, case when place between 100 and 9999 then concat_ws(' ', failed, good, of_failed, first_at, last_at)
        else dimension || '=' || value end as same
      from weighed
      where place = 10000 or of_good = 0 or (score > least and evidence > needed)) as clear
    order by same, place
  ), told as (
    select null as dimension, case when total.good = 0 then 'nothing went well in that time: there is nothing to compare with'
        else 'nothing recorded separates them' end as value, 0 as place, total.failed, total.good, total.meanwhile,
      total.failed as of_failed, total.good as of_good, total.meanwhile as of_meanwhile, total.first_at, total.last_at,
      total.example, null as usual_error, 1 as score, null::float as evidence, null::float as ratio, null::float as needed
    from total where total.good = 0 or not exists (select from telling where place < 10000)
    union all
    select dimension, value, place, failed, good, meanwhile, of_failed, of_good, of_meanwhile, first_at, last_at,
      example, usual_error, score, evidence, ratio, needed from telling
  )
  select told.dimension, told.value, round(told.failed / of_failed * total.failed)::bigint,
    coalesce(round(told.good / nullif(of_good, 0) * total.good), 0)::bigint,
    round((told.failed / of_failed)::numeric, 3), round(coalesce(told.good / nullif(of_good, 0), 0)::numeric, 3),
    round(coalesce(told.meanwhile / nullif(of_meanwhile, 0), told.good / nullif(of_good, 0), 0)::numeric, 3),
    round((rate * total.failed / (total.failed + total.good))::numeric, 3),
    case when place < 10000 and total.good > 0 and told.dimension is not null then round(rate::numeric, 2) end,
    told.usual_error, told.first_at, told.last_at, told.example,
    case when place < 10000 and evidence >= needed then
      round(least(rate, audit.lift(ratio ^ (1 - sqrt(needed / evidence)), total.failed, total.good))::numeric, 2) end,
    case when place < 10000 and evidence >= needed then
      round(greatest(rate, audit.lift(ratio ^ (1 + sqrt(needed / evidence)), total.failed, total.good))::numeric, 2) end
  from told
  cross join (select total.failed, greatest(jobs - total.failed, total.good) as good from total) as total
  cross join lateral (select (told.failed / of_failed) * (total.failed + total.good)
    / (told.failed / of_failed * total.failed + coalesce(told.good / nullif(of_good, 0), 0) * total.good) as rate) as lift
  order by told.dimension is not null, place = 10000, score desc, place, told.value
  limit 30;
  if found then
    return;
  end if;
  return query
  select null::text, said.value, 0::bigint, said.good, null::numeric, null::numeric, null::numeric, null::numeric, null::numeric,
    null::text, said.first_at, said.last_at, said.example, null::numeric, null::numeric
  from (
    select 'no job failed; ' || count(*) || ' had calls that failed and were tried again: outcome => ''retried''' as value,
      null::bigint as good, min(failed_call_at) as first_at, max(finished_at) as last_at,
      (array_agg(job_id order by failed_call_at))[1] as example
    from audit.job
    where suspects.outcome = 'failed' and failed_calls > 0 and outcome = 'completed' and finished_at >= suspects.since
      and finished_at < suspects.until and last_seen_at >= suspects.since - interval '1 hour'
    having count(*) > 0
    union all
    select 'no call was slow: none took longer than is usual there', jobs, null, null, null
    where suspects.outcome = 'slow' and jobs > 0) as said;
end $$;
comment on function audit.suspects is
'What do failures have in common that good work has not?
The likeliest cause comes first; values of jobs, pairs of them, and words and numbers of their prompts. outcome: failed counts jobs that failed, expired or were refused; retried those of which a call failed; slow those with a call longer than 95 of 100 of its tier the day before (without a day before: than three times the quickest quarter). Each job counts once. share_of_failed: part of all failures that has this value; share_of_good: part of all good jobs that has it, ..._meanwhile: of those that went well while four fifths of the failures happened; failure_rate: failures among jobs with this value; lift: that rate against the rate of all jobs, 1 is no connection; lift_low and lift_high: its interval, corrected for all that was tried: what could be chance is not listed, and where all of it could, the one line says that nothing recorded separates them. A pair is listed where it tells more than its parts. Words are counted in up to 300 failures and 600 good jobs, and scaled up, as are good jobs beyond 40,000; words => false leaves them out. Errors come last: no good job has one.
select dimension, value, failed, good, share_of_failed, share_of_good, lift, lift_low, usual_error from audit.suspects(now() - interval ''1 hour'')';
