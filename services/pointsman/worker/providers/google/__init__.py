"""Google's generateContent: request, answer and stream, from and to the shape of OpenAI's chat."""
