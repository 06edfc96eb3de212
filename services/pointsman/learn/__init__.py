"""Training of the learned score, pure: outcomes in, model out."""
