"""The wire format of Google's generateContent."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

import orjson

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.chat.completions import read_translated
from pointsman.worker.providers.google.request import to_content_request
from pointsman.worker.providers.google.response import to_completion
from pointsman.worker.providers.google.stream import GoogleEvents
from pointsman.worker.providers.wire_format import AnswerBody
from pointsman_schemas.base import Json

_VERSION = re.compile(r"v\d")


class GoogleGenerateContent:
    """See `WireFormat`."""

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        model = quote(str(request.get("model")).removeprefix("models/"), safe="")
        method = "streamGenerateContent?alt=sse" if request.get("stream") is True else "generateContent"
        return f"{_versioned(base_url)}/models/{model}:{method}"

    def models_url(self, base_url: str) -> str:
        """See `WireFormat`."""
        return f"{_versioned(base_url)}/models"

    def headers(self) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {"accept": "*/*", "content-type": "application/json"}

    def key_header(self, key: str) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {"x-goog-api-key": key}

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        return orjson.dumps(to_content_request(request))

    def decode(self, answered: AnswerBody) -> Result:
        """See `WireFormat`."""
        return read_translated(answered, to_completion)

    def translator(self, at: datetime) -> GoogleEvents:
        """See `WireFormat`."""
        return GoogleEvents(int(at.timestamp()))


def _versioned(base_url: str) -> str:
    """Add the version if the URL has none; Vertex AI's URLs have one, followed by the project."""
    base = base_url.rstrip("/")
    return base if any(map(_VERSION.match, urlsplit(base).path.split("/"))) else f"{base}/v1"
