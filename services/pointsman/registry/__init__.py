"""The registry: which agents exist, who owns them, and what each may do."""
