-- A topic that is made anew, or another cluster's, has the name and the offsets of the one before. Each of them is a
-- chapter: the rows and the lanes of the second are those of the topic `NAME#2`, which no topic of Kafka's can be
-- called, and so on. What was stored before has one chapter, whose ids are those that are met first.
create table audit.chapter (
  topic      text        not null,
  number     integer     not null check (number > 0),
  cluster_id text        not null,
  topic_id   uuid        not null,
  begun_at   timestamptz not null default clock_timestamp(),
  digest     bytea       not null,
  primary key (topic, number)
);
comment on table audit.chapter is
  'Which topic of Kafka''s the rows are from: those of chapter 2 and later have its number behind the topic, after a #.';
comment on column audit.chapter.topic_id is 'Kafka''s own id of the topic: a topic that is made anew has another one';

create function audit.chapter_digest(topic text, number integer, cluster text, id uuid, begun_at timestamptz)
  returns bytea language sql stable set search_path = pg_catalog, pg_temp
as $$ select audit.digest_of('chapter', topic, number::text, cluster, id::text, audit.microseconds(begun_at)) $$;
revoke execute on function audit.chapter_digest from public;

create function audit.chapters(topics text[], cluster text, ids uuid[])
  returns table (topic text, number integer, cluster_id text, topic_id uuid)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  now timestamptz := clock_timestamp();
begin
  -- The first one only: that another begins is for the owner to say.
  insert into audit.chapter (topic, number, cluster_id, topic_id, begun_at, digest)
  select met.topic, 1, cluster, met.id, now, audit.chapter_digest(met.topic, 1, cluster, met.id, now) from unnest(topics, ids) as met (topic, id)
  where not exists (select from audit.chapter as known where known.topic = met.topic)
  order by met.topic on conflict do nothing;
  return query
    select distinct on (chapter.topic) chapter.topic, chapter.number, chapter.cluster_id, chapter.topic_id
    from audit.chapter where chapter.topic = any (topics) order by chapter.topic, chapter.number desc;
end $$;
comment on function audit.chapters is 'The newest chapter of each of these topics; one that is not known gets its first.';
revoke execute on function audit.chapters from public;
grant execute on function audit.chapters to pointsman_audit_writer;
