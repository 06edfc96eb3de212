create table audit.message (
  topic          text        not null,
  partition      integer     not null,
  "offset"       bigint      not null,
  message_id     uuid,
  causation_id   uuid,
  job_id         uuid,
  trace_id       text,
  kind           text,
  agent_id       text,
  source         text,
  attempt        integer,
  tier           text,
  provider       text,
  model          text,
  policy_version text,
  rule           text,
  status         text,
  error_type     text,
  tokens_in      bigint,
  tokens_out     bigint,
  cost_usd       numeric,
  duration_ms    double precision,
  produced_at    timestamptz,
  broker_at      timestamptz not null,
  recorded_at    timestamptz not null default clock_timestamp(),
  key            bytea,
  value          bytea,
  headers        jsonb       not null,
  payload        jsonb,
  unreadable     text,
  primary key (topic, partition, "offset", broker_at)
) partition by range (broker_at);

comment on table audit.message is 'One row for each Kafka record of every topic; nothing is ever changed here.';
comment on column audit.message.message_id is 'CloudEvents id; null when the record could not be understood';
comment on column audit.message.causation_id is 'id of the message that led to this one';
comment on column audit.message.kind is 'message type, e.g. job.routed.v1; null when the record could not be understood';
comment on column audit.message.agent_id is 'the agent that the job belongs to, as claimed by whoever wrote the record';
comment on column audit.message.source is 'who wrote the record';
comment on column audit.message.status is 'of a call: ok, retry, ...; of an outcome: completed, failed, ...; of a dead letter: dead';
comment on column audit.message.error_type is 'the reason, from a closed vocabulary';
comment on column audit.message.tokens_in is 'only on calls, so that a sum counts nothing twice';
comment on column audit.message.cost_usd is 'only on calls, so that a sum counts nothing twice; null when the price is not known';
comment on column audit.message.produced_at is 'first clock: the writer of the record (ce_time)';
comment on column audit.message.broker_at is 'second clock: the record''s Kafka timestamp';
comment on column audit.message.recorded_at is 'third clock: this database';
comment on column audit.message.value is 'the exact bytes; null is a tombstone';
comment on column audit.message.headers is '[[name, value], ...] in order; what is no text is {"base64": ...}';
comment on column audit.message.payload is 'the value as JSON; null where it is none or jsonb cannot hold it';
comment on column audit.message.unreadable is 'why the record could not be understood';

create index message_job on audit.message (job_id);
create index message_id on audit.message (message_id);
create index message_agent on audit.message (agent_id, broker_at);
create index message_kind on audit.message (kind, broker_at);

-- Anyone may write any Kafka timestamp: what no day takes lands here.
create table audit.message_default partition of audit.message default;

create function audit.ensure_days(first_day date, last_day date) returns integer language plpgsql
  set lock_timeout = '2s'  -- a long query holds the default partition: better later than in its way
as $$
declare
  day   date;
  name  text;
  low   timestamptz;
  high  timestamptz;
  made  integer := 0;
begin
  -- Two audit processes meet here when a day begins.
  perform pg_advisory_xact_lock(hashtextextended('audit.ensure_days', 0));
  for day in select d::date from generate_series(first_day, last_day, interval '1 day') as d loop
    name := 'message_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(format('audit.%I', name)) is not null;
    low := day::timestamp at time zone 'UTC';
    high := (day + 1)::timestamp at time zone 'UTC';
    -- Rows of this day may have come early; they move over before the day is attached. Nobody else adds
    -- one in between: attaching takes this lock anyway.
    lock table audit.message_default in access exclusive mode;
    execute format('create table audit.%I (like audit.message including defaults)', name);
    execute format(
      'with early as (delete from audit.message_default where broker_at >= %L and broker_at < %L returning *)
       insert into audit.%I select * from early', low, high, name);
    execute format('alter table audit.message attach partition audit.%I for values from (%L) to (%L)',
      name, low, high);
    made := made + 1;
  end loop;
  return made;
end $$;
comment on function audit.ensure_days is 'Makes the partitions of these UTC days where they are missing; returns how many.';
