"""Support for tests of the gateway."""
