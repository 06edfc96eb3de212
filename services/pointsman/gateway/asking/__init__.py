"""Makes a job from an HTTP request."""
