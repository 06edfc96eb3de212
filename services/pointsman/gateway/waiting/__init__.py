"""How many jobs wait before a given one, and for how long."""
