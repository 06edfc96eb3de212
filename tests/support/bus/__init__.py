"""Support for tests of the bus."""
