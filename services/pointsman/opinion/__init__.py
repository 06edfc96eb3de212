"""The second opinion: a slower, better model for jobs on which the score is undecided."""
