"""The review service: cases that a person decides, and the result of each decision."""
