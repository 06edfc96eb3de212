"""What tests of the audit database need."""
