"""What steers an installation: policy, registry, limits, review plans, signed checkpoints."""
