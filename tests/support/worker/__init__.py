"""Support for tests of workers, limits and cascades."""
