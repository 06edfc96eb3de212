"""Support for tests of the audit database."""
