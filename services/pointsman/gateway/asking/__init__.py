"""From an HTTP request to the job that it asks for."""
