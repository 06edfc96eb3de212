"""Converts Anthropic's messages to OpenAI's chat and back: pure; fields without a counterpart are refused."""
