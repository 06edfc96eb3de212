"""Anthropic's messages as OpenAI's chat and back: pure, what has no counterpart is refused by name."""
