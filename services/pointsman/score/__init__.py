"""The learned score: from a job's text to how likely each tier is good enough. Pure; needs no numpy."""
