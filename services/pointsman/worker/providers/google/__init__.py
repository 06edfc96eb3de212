"""Converts between OpenAI's chat and Google's generateContent: requests, answers and streams."""
