"""Converts between OpenAI's chat and Anthropic's messages: requests, answers and streams."""
