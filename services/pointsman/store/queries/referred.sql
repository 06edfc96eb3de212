-- Which of these digests are referred to by the `ce_dataref` of a row, or of a record that a dead letter is about.
select distinct right(header ->> 1, 64) as sha256
from audit.message cross join lateral jsonb_array_elements(headers) as header
where headers::text like '%ce_dataref%' and header ->> 0 in ('ce_dataref', 'orig_ce_dataref')
  and right(header ->> 1, 64) = any ($1)
union
-- For masked and encrypted rows the reference is in the note. Erased values are no longer needed.
select privacy ->> 'claim'
from audit.message
where privacy ->> 'claim' = any ($1)
  and not exists (select from audit.erasure where erasure.key_id::text = message.privacy ->> 'key')
