"""Cases that wait for a person, as text."""
