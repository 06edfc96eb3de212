"""The learned score: estimates from a job's text how likely each tier is sufficient. Pure; needs no numpy."""
