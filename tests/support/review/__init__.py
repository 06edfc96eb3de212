"""Support for tests of reviews."""
