"""Lanes: group membership, fetching, and handling records up to the commit."""
