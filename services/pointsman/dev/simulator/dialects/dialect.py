"""The interface of a wire format: read a request, encode an answer or an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from pointsman.dev.simulator.answering.completion import CompletionChoice
from pointsman.dev.simulator.answering.models import SimulatedModel
from pointsman.dev.simulator.answering.tokens import count
from pointsman.dev.simulator.errors import Refusal

Json = dict[str, Any]
Headers = Mapping[bytes, bytes]
#: The text of a thought, for requests that ask for thoughts.
THOUGHT = "The request is looked at from both sides."


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """A model's answer to `request`; `now` is in seconds since the epoch."""

    request: Json
    model: SimulatedModel
    made: list[CompletionChoice]
    call_id: str
    now: float

    @property
    def thought_tokens(self) -> int:
        """The number of tokens of the thought; 0 if none was asked for."""
        return count(THOUGHT) if self.request.get("thinks") else 0


def arguments_of(call: Json) -> Any:
    """Return a tool call's arguments as a value; empty if they were cut off."""
    try:
        return orjson.loads(call["function"]["arguments"])
    except orjson.JSONDecodeError:
        return {}


class Dialect(Protocol):
    """A wire format."""

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        """Return the request in OpenAI's shape. Raises Refusal if the real provider would refuse it."""

    def whole(self, answer: SimulatedAnswer) -> bytes:
        """Return the body of an answer that is not streamed."""

    def events(self, answer: SimulatedAnswer) -> list[bytes]:
        """Return the events of a streamed answer."""

    def refusal(self, refusal: Refusal) -> tuple[int, bytes]:
        """Return status and body of an error answer."""

    def failure(self, kind: str, code: str | None) -> tuple[bytes, bytes]:
        """Return a body and an event that report a server failure with status 200."""

    def left(self, openai_headers: Mapping[str, str], now: float) -> Mapping[str, str]:
        """Return the format's rate-limit headers, translated from OpenAI's."""
