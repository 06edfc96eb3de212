create schema if not exists audit;
create table if not exists audit.migration (
  name       text        primary key,
  sha256     text        not null,
  applied_at timestamptz not null default clock_timestamp()
);
