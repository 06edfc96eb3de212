"""Cases for a person, and people who decide them."""
