"""`pointsman agents`: manage the agent registry."""
