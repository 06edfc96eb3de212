select count(*) from audit.message where topic = $1 and partition = $2 and "offset" < $3
