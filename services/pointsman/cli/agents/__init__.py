"""`pointsman agents`: who may do what."""
