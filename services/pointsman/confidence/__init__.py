"""When a person decides: exact comparison of confidences with thresholds; pure."""
