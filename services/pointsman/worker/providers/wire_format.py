"""What differs between the ways in which providers are asked: a file or folder for each, beside this one."""

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
    """A whole body with status 2xx, which came `at` that time as the answer to `request`.

    `most_raw` bytes of it are kept where it cannot be read; `secrets` are hidden where it is no answer.
    """

    row: ProviderRow
    request: Json
    status: int
    content: bytes
    at: datetime
    most_raw: int
    secrets: Secrets


class EventTranslator(Protocol):
    """Makes pieces of a chat completion of the events of one stream. `is_over`: there is no more to come."""

    is_over: bool

    def chunks(self, event: Json) -> list[Json] | None:
        """The pieces that an event stands for; None for one that says that there is no answer."""


class WireFormat(Protocol):
    """From a chat request to bytes and back. Nothing in here sends anything."""

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
