"""Steady load with random kills and freezes, followed by a comparison of the whole log with the audit."""
