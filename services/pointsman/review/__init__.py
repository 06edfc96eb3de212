"""The review service: cases that a person decides, and what follows from each decision."""
