"""OpenAI's batches: a file of requests becomes jobs, and their outcomes become a file."""
