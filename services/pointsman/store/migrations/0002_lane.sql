create table audit.lane (
  topic       text        not null,
  partition   integer     not null,
  next_offset bigint      not null,
  moved_at    timestamptz not null default clock_timestamp(),
  primary key (topic, partition)
) with (fillfactor = 50);  -- updated with every batch: room on the page keeps that cheap

comment on table audit.lane is
  'How far each partition is stored; moved by compare-and-swap in the transaction that stores its rows.';
