select format(
  case when exists (select from pg_roles where rolname = $1) then 'alter role %1$I login password %2$L'
    else 'create role %1$I login password %2$L' end || '; grant %3$I to %1$I',
  $1::text, $2::text, $3::text)
