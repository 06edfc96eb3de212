create table audit.dropped (
  id         bigint      generated always as identity primary key,
  day        date        not null,
  dropped_at timestamptz not null default clock_timestamp(),
  rows       bigint      not null,
  statement  bytea       not null,
  signature  text        not null
);
comment on table audit.dropped is
  'Days that retention dropped: what the chains were at the ends of what is gone, signed, so that the rest still verifies.';
