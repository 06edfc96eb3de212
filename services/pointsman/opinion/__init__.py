"""The second opinion: a slower, better model for jobs that the score is unsure about."""
