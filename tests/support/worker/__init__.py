"""What tests of workers, limits and cascades need."""
