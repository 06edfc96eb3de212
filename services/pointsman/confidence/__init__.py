"""Decides when a person must decide, by exact comparison of confidences with thresholds; pure."""
