"""Recorded decisions, with the policy and the models that made them."""
