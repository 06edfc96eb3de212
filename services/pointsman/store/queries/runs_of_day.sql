-- For each lane, runs of rows of one day without a row of another day in between, with the chain hash at the end of
-- each run.
with span as (
  select topic, partition, min("offset") as first, max("offset") as last from audit.message
  where broker_at >= $1 and broker_at < $1 + interval '1 day' group by topic, partition
), walked as (
  select message.topic, message.partition, "offset", chain,
    broker_at >= $1 and broker_at < $1 + interval '1 day' as here,
    row_number() over (partition by message.topic, message.partition order by "offset") as place
  from audit.message as message join span using (topic, partition)
  where "offset" between span.first and span.last
), numbered as (
  select *, place - row_number() over (partition by topic, partition, here order by "offset") as run from walked
)
select topic, partition, min("offset") as first, max("offset") as last, count(*) as all_rows, count(chain) as rows,
  (array_agg(chain order by "offset" desc) filter (where chain is not null))[1] as chain
from numbered where here group by topic, partition, run order by topic, partition, first
