"""How near the router comes to what the wire allows: one run, one broker, the same messages for everyone."""
