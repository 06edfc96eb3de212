-- One process applies a file, the others wait; who may only read cannot take this lock.
lock table audit.migration in share update exclusive mode
