"""A job's calls to a provider: attempts, back-off, hedging, costs."""
