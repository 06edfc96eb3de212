select count(*) from audit.message where topic <> all ($1::text[])
