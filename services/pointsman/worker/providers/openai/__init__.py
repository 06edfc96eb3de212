"""The wire formats of OpenAI, and Azure's variant."""
