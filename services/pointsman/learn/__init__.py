"""Training of the learned score and the accept model; pure but for the steps of `pointsman learn`."""
