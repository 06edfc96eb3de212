"""The second opinion: slower and better than the score in the hot path, for jobs that one is unsure of."""
