-- One row a job, kept in the transaction that stores its messages: what is asked of many jobs reads this alone.
create table audit.job (
  job_id         uuid        primary key,
  agent_id       text,
  agent_at       timestamptz,
  asked_at       timestamptz,
  first_at       timestamptz not null,
  last_at        timestamptz not null,
  first_seen_at  timestamptz not null,
  last_seen_at   timestamptz not null,
  submitted_at   timestamptz not null generated always as (coalesce(asked_at, first_at)) stored,
  finished_at    timestamptz,
  outcome        text,
  outcome_reason text,
  outcome_tier   text,
  dead_letters   integer     not null,
  first_routed_at timestamptz,
  first_tier     text,
  routed_at      timestamptz,
  tier           text,
  rule           text,
  policy_version text,
  routes         integer     not null,
  task_kind      text,
  prompt_chars   integer,
  called_at      timestamptz,
  provider       text,
  model          text,
  model_asked    text,
  called_tier    text,
  calls          integer     not null,
  failed_calls   integer     not null,
  unpriced_calls integer     not null,
  tokens_in      numeric,
  tokens_out     numeric,
  cost_usd       numeric,
  error_at       timestamptz,
  last_error     text,
  messages       integer     not null
) with (fillfactor = 70);  -- a job's row is updated some three times soon after it is made

comment on table audit.job is
  'One row a job, made from its messages by a trigger. The messages are the record: audit.jobs_recounted reads the same from them.';
comment on column audit.job.first_seen_at is 'broker time of its first message, as last_seen_at is of its last: what a time asked for is compared with';
comment on column audit.job.outcome is 'status of its first outcome; null while there is none';
comment on column audit.job.outcome_tier is 'tier that the outcome names; null where the job was never routed';
comment on column audit.job.prompt_chars is 'length of its messages as JSON, a little more than their text';
comment on column audit.job.tier is 'of the latest decision; first_tier of the first';
comment on column audit.job.model is 'of the latest call, as is the provider: as the provider named it, or as we asked where it did not answer';
comment on column audit.job.model_asked is 'of the latest call, as we asked for it, so that answers and failures are of one name; called_tier is its tier';

create index job_submitted on audit.job using brin (submitted_at) with (pages_per_range = 16, autosummarize = on);
create index job_seen on audit.job using brin (first_seen_at, last_seen_at) with (pages_per_range = 16, autosummarize = on);

-- What a set of messages says about each of their jobs; merging two such rows gives the row of both sets.
create function audit.keep_jobs() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into audit.job as job (job_id, agent_id, agent_at, asked_at, first_at, last_at, first_seen_at, last_seen_at,
    finished_at, outcome, outcome_reason, outcome_tier, dead_letters, first_routed_at, first_tier, routed_at, tier,
    rule, policy_version, routes, task_kind, prompt_chars, called_at, provider, model, model_asked, called_tier, calls,
    failed_calls, unpriced_calls, tokens_in, tokens_out, cost_usd, error_at, last_error, messages)
  select job_id, agent[1], first_agent_at, asked_at, first_at, last_at, first_seen_at, last_seen_at, finished_at,
    ended[1][1], ended[1][2], ended[1][3], dead_letters, first_routed_at, route[array_length(route, 1)][1], routed_at,
    route[1][1], route[1][2], route[1][3], routes, coalesce(routed_kind, submitted_kind),
    coalesce(routed_chars, submitted_chars), called_at, called[1][1], called[1][2], called[1][3], called[1][4], calls, failed_calls,
    unpriced_calls, tokens_in, tokens_out, cost_usd, error_at, error[1], messages
  from (
    select job_id,
      array_agg(agent_id order by at) filter (where agent_id is not null) as agent,
      min(at) filter (where agent_id is not null) as first_agent_at,
      min(at) filter (where kind = 'job.submitted.v1') as asked_at,
      min(at) as first_at, max(at) as last_at, min(broker_at) as first_seen_at, max(broker_at) as last_seen_at,
      min(at) filter (where ends) as finished_at,
      array_agg(array[status, error_type, tier] order by at) filter (where ends) as ended,
      count(*) filter (where kind = 'job.dead.v1') as dead_letters,
      min(at) filter (where kind = 'job.routed.v1') as first_routed_at,
      max(at) filter (where kind = 'job.routed.v1') as routed_at,
      array_agg(array[tier, rule, policy_version] order by at desc) filter (where kind = 'job.routed.v1') as route,
      count(*) filter (where kind = 'job.routed.v1') as routes,
      max(payload #>> '{job,kind}') filter (where kind = 'job.routed.v1') as routed_kind,
      max(payload ->> 'kind') filter (where kind = 'job.submitted.v1') as submitted_kind,
      max(length(payload #>> '{job,request,messages}')) filter (where kind = 'job.routed.v1') as routed_chars,
      max(length(coalesce(payload #>> '{request,messages}', payload ->> 'messages', payload ->> 'prompt')))
        filter (where kind = 'job.submitted.v1') as submitted_chars,
      max(at) filter (where kind = 'call.finished.v1') as called_at,
      array_agg(array[provider, model, payload ->> 'model', tier] order by at desc) filter (where kind = 'call.finished.v1') as called,
      count(*) filter (where kind = 'call.finished.v1') as calls,
      count(*) filter (where kind = 'call.finished.v1' and status <> 'ok') as failed_calls,
      count(*) filter (where kind = 'call.finished.v1' and cost_usd is null) as unpriced_calls,
      sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out, sum(cost_usd) as cost_usd,
      max(at) filter (where error_type is not null) as error_at,
      array_agg(error_type order by at desc) filter (where error_type is not null) as error,
      count(*) as messages
    from (
      select *, audit.happened_at(kind, produced_at, broker_at) as at, audit.is_outcome(kind) as ends
      from added where job_id is not null) as message
    group by job_id
  ) as said
  order by job_id  -- one order for all writers: no deadlock
  on conflict (job_id) do update set
    agent_id = case when job.agent_at <= excluded.agent_at or excluded.agent_at is null then job.agent_id
      else excluded.agent_id end,
    agent_at = least(job.agent_at, excluded.agent_at),
    asked_at = least(job.asked_at, excluded.asked_at),
    first_at = least(job.first_at, excluded.first_at), last_at = greatest(job.last_at, excluded.last_at),
    first_seen_at = least(job.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(job.last_seen_at, excluded.last_seen_at),
    finished_at = least(job.finished_at, excluded.finished_at),
    outcome = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null then job.outcome
      else excluded.outcome end,
    outcome_reason = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_reason else excluded.outcome_reason end,
    outcome_tier = case when job.finished_at <= excluded.finished_at or excluded.finished_at is null
      then job.outcome_tier else excluded.outcome_tier end,
    dead_letters = job.dead_letters + excluded.dead_letters,
    first_tier = case when job.first_routed_at <= excluded.first_routed_at or excluded.first_routed_at is null
      then job.first_tier else excluded.first_tier end,
    first_routed_at = least(job.first_routed_at, excluded.first_routed_at),
    tier = case when excluded.routed_at > job.routed_at or job.routed_at is null then excluded.tier else job.tier end,
    rule = case when excluded.routed_at > job.routed_at or job.routed_at is null then excluded.rule else job.rule end,
    policy_version = case when excluded.routed_at > job.routed_at or job.routed_at is null
      then excluded.policy_version else job.policy_version end,
    routed_at = greatest(job.routed_at, excluded.routed_at),
    routes = job.routes + excluded.routes,
    task_kind = case when excluded.routes > 0 then excluded.task_kind else coalesce(job.task_kind,
      excluded.task_kind) end,
    prompt_chars = case when excluded.routes > 0 then excluded.prompt_chars else coalesce(job.prompt_chars,
      excluded.prompt_chars) end,
    provider = case when excluded.called_at > job.called_at or job.called_at is null then excluded.provider
      else job.provider end,
    model = case when excluded.called_at > job.called_at or job.called_at is null then excluded.model
      else job.model end,
    model_asked = case when excluded.called_at > job.called_at or job.called_at is null then excluded.model_asked
      else job.model_asked end,
    called_tier = case when excluded.called_at > job.called_at or job.called_at is null then excluded.called_tier
      else job.called_tier end,
    called_at = greatest(job.called_at, excluded.called_at),
    calls = job.calls + excluded.calls, failed_calls = job.failed_calls + excluded.failed_calls,
    unpriced_calls = job.unpriced_calls + excluded.unpriced_calls,
    tokens_in = coalesce(job.tokens_in + excluded.tokens_in, job.tokens_in, excluded.tokens_in),
    tokens_out = coalesce(job.tokens_out + excluded.tokens_out, job.tokens_out, excluded.tokens_out),
    cost_usd = coalesce(job.cost_usd + excluded.cost_usd, job.cost_usd, excluded.cost_usd),
    last_error = case when excluded.error_at > job.error_at or job.error_at is null then excluded.last_error
      else job.last_error end,
    error_at = greatest(job.error_at, excluded.error_at),
    messages = job.messages + excluded.messages;
  return null;
end $$;
revoke execute on function audit.keep_jobs() from public;
create trigger keep_jobs after insert on audit.message referencing new table as added
  for each statement execute function audit.keep_jobs();

-- The summary of all that is on record, made anew, a partition at a time.
create function audit.recount_jobs() returns bigint language plpgsql as $$
declare
  part regclass;
begin
  lock table audit.message in share mode;  -- no message comes in between
  delete from audit.job;
  create temporary table replayed (like audit.message) on commit drop;
  create trigger keep_jobs after insert on replayed referencing new table as added
    for each statement execute function audit.keep_jobs();
  for part in select inhrelid from pg_inherits where inhparent = 'audit.message'::regclass loop
    execute format('insert into replayed select * from %s', part);
    truncate replayed;
  end loop;
  drop table replayed;
  return (select count(*) from audit.job);
end $$;
comment on function audit.recount_jobs is 'Makes audit.job anew from the messages; for its owner. Returns how many jobs there are.';
revoke execute on function audit.recount_jobs from public;
select audit.recount_jobs();
