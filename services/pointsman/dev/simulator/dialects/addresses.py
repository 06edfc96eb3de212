"""Choose the wire format by the request's path."""

import re

from pointsman.dev.simulator.dialects.anthropic import AnthropicDialect
from pointsman.dev.simulator.dialects.dialect import Dialect
from pointsman.dev.simulator.dialects.embeddings import EmbeddingsDialect
from pointsman.dev.simulator.dialects.google import GoogleDialect
from pointsman.dev.simulator.dialects.openai import AzureDialect, OpenAIDialect

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
EMBEDDINGS = "/v1/embeddings"
OPENAI = OpenAIDialect()
_ANTHROPIC = AnthropicDialect()
_EMBEDDINGS = EmbeddingsDialect()
_AZURE = re.compile(r"/openai/(?:v1|deployments/([^/]+))/chat/completions")
_GOOGLE = re.compile(r"/v1(?:alpha|beta)?/models/([^/:]+):(generateContent|streamGenerateContent)")


def dialect_at(path: str) -> Dialect | None:
    """Return the wire format of requests posted to `path`; None for an unknown path."""
    if path == CHAT:
        return OPENAI
    if path == MESSAGES:
        return _ANTHROPIC
    if path == EMBEDDINGS:
        return _EMBEDDINGS
    if azure := _AZURE.fullmatch(path):
        return AzureDialect(azure[1])
    if google := _GOOGLE.fullmatch(path):
        return GoogleDialect(google[1], google[2])
    return None
