"""When a person decides: confidences held against thresholds, exactly; pure."""
