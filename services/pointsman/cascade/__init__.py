"""Cascades: cheap tiers answer first, and their answers are judged; pure."""
