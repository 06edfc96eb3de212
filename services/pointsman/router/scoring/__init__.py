"""The score's part of a decision, and whether it can be believed."""
