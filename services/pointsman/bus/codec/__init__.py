"""From bytes to messages and back: records and their batches, JSON, envelopes, claims."""
