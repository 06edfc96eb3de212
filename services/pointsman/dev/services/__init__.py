"""The services on top of the dev stack's servers."""
