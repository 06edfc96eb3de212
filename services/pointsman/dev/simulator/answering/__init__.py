"""What the simulated models say; the same request is always answered the same."""
