"""OpenAI's formats, and Azure's."""
