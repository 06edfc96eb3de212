"""Messages that control an installation: policy, registry, limits, review plans, batches, checkpoints."""
