"""The gateway: HTTP APIs in front of the bus."""
