"""Reads topics outside of a consumer group; nothing is committed."""
