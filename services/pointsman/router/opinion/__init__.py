"""The second opinion's process, and the check whether one is running."""
