"""The wire format of Anthropic's Messages API."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.anthropic.request import to_message_request
from pointsman.worker.providers.anthropic.response import to_completion
from pointsman.worker.providers.anthropic.stream import AnthropicEvents
from pointsman.worker.providers.chat.completions import read_translated
from pointsman.worker.providers.wire_format import AnswerBody, WireFormat
from pointsman_schemas.base import Json

#: With the previous version, `2023-06-01`, models may accept `temperature`, `top_p` and `top_k`.
_VERSION = "2026-10-21"


class AnthropicMessages(WireFormat):
    """See `WireFormat`. `most`: the `max_tokens` of a request that sets none."""

    def __init__(self, most: int, version: str | None = None) -> None:
        self._most = most
        self._version = version or _VERSION

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        return f"{_v1(base_url)}/messages"

    def models_url(self, base_url: str) -> str:
        """See `WireFormat`."""
        return f"{_v1(base_url)}/models"

    def headers(self) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {**super().headers(), "anthropic-version": self._version}

    def key_header(self, key: str) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {"x-api-key": key}

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        return orjson.dumps(to_message_request(request, self._most, samples=self._version < _VERSION))

    def decode(self, answered: AnswerBody) -> Result:
        """See `WireFormat`."""
        return read_translated(answered, to_completion)

    def translator(self, at: datetime) -> AnthropicEvents:
        """See `WireFormat`."""
        return AnthropicEvents(int(at.timestamp()))


def _v1(base_url: str) -> str:
    """Add the version if it is missing: Anthropic's own base URLs are given without it, others with it."""
    base = base_url.rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"
