"""What is spoken to a broker by hand; nothing outside of the bus imports it."""
