"""What `pointsman dev` shows."""
