"""A chat request read for a provider of another format, and a completion made of what it answers; pure."""
