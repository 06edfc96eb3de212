-- Whoever may log in can take an advisory lock, and so could stop new days and checkpoints. Turns are taken by
-- locking a row that only its owner's functions can lock.
create table audit.turn (name text primary key);
comment on table audit.turn is 'What only one process may do at a time; its row is locked meanwhile.';
insert into audit.turn values ('checkpoint'), ('days');
revoke all on audit.turn from pointsman_auditor;

create or replace function audit.ensure_days(first_day date, last_day date) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp
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
  perform from audit.turn where turn.name = 'days' for update;
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

create or replace function audit.last_checkpoint() returns table (number bigint, message bytea)
  language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  -- Two audit processes take turns; the lock ends with the transaction that adds the next one.
  select from audit.turn where name = 'checkpoint' for update;
  select number, message from audit.checkpoint order by number desc limit 1
$$;
