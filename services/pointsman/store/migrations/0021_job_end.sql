-- A job is found by the end of its id too: ids that were made together begin alike.
create index job_end on audit.job (reverse(right(job_id::text, 12)) collate "C");
