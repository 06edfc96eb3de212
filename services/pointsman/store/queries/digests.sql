select "offset", record_sha256, privacy from audit.message
where topic = $1 and partition = $2 and "offset" between $3 and $4 order by "offset"
