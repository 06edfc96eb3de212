"""What tests of routing need."""
