"""The wire formats of the simulated provider, each translated to OpenAI's and back."""
