"""Chooses the wire format for a provider's row."""

from typing import assert_never

from pointsman.worker.providers.anthropic.messages import AnthropicMessages
from pointsman.worker.providers.google.generate_content import GoogleGenerateContent
from pointsman.worker.providers.openai.chat import AzureOpenAI, OpenAIChat
from pointsman.worker.providers.openai.embeddings import OpenAIEmbeddings
from pointsman.worker.providers.wire_format import WireFormat
from pointsman.worker.providers_file import ProviderRow


def wire_format_of(row: ProviderRow) -> WireFormat:
    """Return the adapter for the row's `format`."""
    match row.format:
        case "openai":
            return OpenAIChat()
        case "openai-embeddings":
            return OpenAIEmbeddings()
        case "azure":
            return AzureOpenAI(row.api_version)
        case "anthropic":
            return AnthropicMessages(row.answer_tokens, row.api_version)
        case "google":
            return GoogleGenerateContent()
        case _:
            assert_never(row.format)
