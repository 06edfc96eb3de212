"""What tests of the bus need."""
