"""OpenAI's chat completions, which most providers and gateways speak: requests pass as they are."""

from collections.abc import Mapping

import orjson

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.response import read_answer
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json


class OpenAIChat:
    """See `WireFormat`."""

    def url(self, base_url: str) -> str:
        """See `WireFormat`."""
        return f"{base_url.rstrip('/')}/chat/completions"

    def headers(self, key: str) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {
            "accept": "application/json",
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
        }

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        return orjson.dumps(request)

    def decode(
        self, row: ProviderRow, status: int, content: bytes, *, most_raw: int, secrets: Secrets
    ) -> Result:
        """See `WireFormat`."""
        return read_answer(row, status, content, most_raw=most_raw, secrets=secrets)
