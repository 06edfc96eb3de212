"""Support for tests of routing."""
