-- Records that no lane read, from audit.lost for the audit and from dead letters for other services.
select topic, partition, first_offset as "offset",
  format('offsets %s to %s were deleted from Kafka before the audit read them', first_offset, next_offset - 1) as said
from audit.lost
union all
select coalesce(substring(origin from '^(.*)/\d+@\d+$'), topic),
  coalesce(substring(origin from '/(\d+)@\d+$')::integer, partition),
  coalesce(substring(origin from '@(\d+)$')::bigint, "offset"), detail
from (
  select topic, partition, "offset",
    (select header ->> 1 from jsonb_array_elements(headers) as header where header ->> 0 = 'ce_origin' limit 1) as origin,
    (select header ->> 1 from jsonb_array_elements(headers) as header where header ->> 0 = 'ce_detail' limit 1) as detail
  from audit.message where kind = 'job.dead.v1' and error_type = 'internal' and headers @> '[["ce_lostbefore"]]'
) as letter
order by topic, partition, "offset"
