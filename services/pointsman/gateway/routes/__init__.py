"""The routes, one API to a file."""
