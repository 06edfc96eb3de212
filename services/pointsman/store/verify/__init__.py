"""Whether the record is whole: chains, checkpoints, retention, and everything derived from them."""
