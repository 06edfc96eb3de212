"""The interface of a provider's wire format; each format has a file or folder beside this one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json


@dataclass(frozen=True, slots=True)
class AnswerBody:
    """A whole body with status 2xx: the answer to `request`, received `at`.

    `most_raw`: bytes kept as received, if its JSON had to be changed. `secrets`: masked if it is not an
    answer.
    """

    row: ProviderRow
    request: Json
    status: int
    content: bytes
    at: datetime
    most_raw: int
    secrets: Secrets


class EventTranslator(Protocol):
    """Translates a stream's events to chat completion chunks. `is_over`: no more will come."""

    is_over: bool

    def chunks(self, event: Json) -> list[Json] | None:
        """Return the chunks for an event; None if the event says that there is no answer."""


class WireFormat(Protocol):
    """Translates chat requests to bytes, and responses back; sends nothing."""

    def url(self, base_url: str, request: Json) -> str:
        """Return the URL for the request."""

    def models_url(self, base_url: str) -> str:
        """Return the URL of the provider's list of models."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of every request, in lower case."""
        return {"accept": "application/json", "content-type": "application/json"}

    def key_header(self, key: str) -> Mapping[str, str]:
        """Return the header that carries a key, in lower case; not for bearer tokens."""

    def encode(self, request: Json) -> bytes:
        """Return the body for a chat request.

        Raises:
            RequestFieldError: the request asks for something that the format cannot express.
        """

    def decode(self, answered: AnswerBody) -> Result:
        """Return the result for a body."""

    def translator(self, at: datetime) -> EventTranslator | None:
        """Return a translator for a stream that begins `at`; None if its events are OpenAI's."""
