"""Answering from cheap tiers first: what an answer shows, and whether it is accepted; pure."""
