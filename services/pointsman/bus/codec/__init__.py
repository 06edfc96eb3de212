"""Between bytes and messages: records and their batches, JSON, envelopes, claims."""
