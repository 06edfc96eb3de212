"""Between the Responses API and chat completions: pure translators."""
