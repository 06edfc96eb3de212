"""`pointsman review`: cases that wait for a person."""
