"""The second opinion's process, and whether one is running."""
