"""The decision: policy files, rules, and a decision made again."""
