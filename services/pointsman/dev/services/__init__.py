"""The services that run on the dev stack's servers."""
