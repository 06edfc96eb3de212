"""The registry: which agents there are, who owns them, and what is open to each."""
