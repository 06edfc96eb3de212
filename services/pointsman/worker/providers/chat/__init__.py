"""Converts chat requests for providers of other formats, and their answers to chat completions; pure."""
