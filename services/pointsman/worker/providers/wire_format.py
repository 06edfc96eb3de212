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

    If it cannot be parsed, `most_raw` bytes of it are kept; if it is not an answer, `secrets` are masked.
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
        """The pieces that an event stands for; None for one that says that there is no answer."""


class WireFormat(Protocol):
    """Translates chat requests to bytes, and responses back; sends nothing."""

    def url(self, base_url: str, request: Json) -> str:
        """Where the request goes."""

    def models_url(self, base_url: str) -> str:
        """Where the provider lists its models."""

    def headers(self) -> Mapping[str, str]:
        """What goes with every request, in lower case."""

    def key_header(self, key: str) -> Mapping[str, str]:
        """How a key is sent, in lower case; a bearer token goes the same way everywhere."""

    def encode(self, request: Json) -> bytes:
        """The body for a chat request.

        Raises:
            RequestFieldError: it asks for something that cannot be asked for there.
        """

    def decode(self, answered: AnswerBody) -> Result:
        """What it amounts to."""

    def translator(self, at: datetime) -> EventTranslator | None:
        """For a stream that begins at that time; None where its events are OpenAI's."""
