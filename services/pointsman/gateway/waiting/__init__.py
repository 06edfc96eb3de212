"""How many jobs wait before one, and for how long."""
