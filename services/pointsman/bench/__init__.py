"""What pointsman measures about itself, each figure with the command that makes it."""
