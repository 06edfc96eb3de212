"""The output of `pointsman dev`."""
