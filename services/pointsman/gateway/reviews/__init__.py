"""Shows reviewers the cases that wait for a person, and takes their decisions, by HTTP."""
