-- One process migrates while others wait. A read-only login cannot take this lock.
lock table audit.migration in share update exclusive mode
