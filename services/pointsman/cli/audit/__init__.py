"""Commands about the record as a whole, and questions to it."""
