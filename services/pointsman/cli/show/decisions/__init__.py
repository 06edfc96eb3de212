"""Draw decisions, policies and the results of learning."""
