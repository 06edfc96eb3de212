"""The wire formats that the simulated provider speaks: from each to OpenAI's, and back."""
