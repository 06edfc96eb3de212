-- Which of these digests a row's `ce_dataref` ends with, or the one of the record that a dead letter is about.
select distinct right(header ->> 1, 64) as sha256
from audit.message cross join lateral jsonb_array_elements(headers) as header
where headers::text like '%ce_dataref%' and header ->> 0 in ('ce_dataref', 'orig_ce_dataref')
  and right(header ->> 1, 64) = any ($1)
