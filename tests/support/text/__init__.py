"""Support for tests of texts and regular expressions."""
