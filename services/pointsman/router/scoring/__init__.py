"""The score's part of a decision, and the monitors that can suspend it."""
