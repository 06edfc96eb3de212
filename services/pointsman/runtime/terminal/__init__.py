"""Output for a person at a terminal, for a pipe, and for a program."""
