"""What tests of the gateway need."""
