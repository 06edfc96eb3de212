"""What differs between the formats: how a request is read, and how an answer or an error is told."""

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
#: What a model thinks, where thoughts are told.
THOUGHT = "The request is looked at from both sides."


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """What a model answers to `request`; `now` in seconds since the epoch."""

    request: Json
    model: SimulatedModel
    made: list[CompletionChoice]
    call_id: str
    now: float

    @property
    def thought_tokens(self) -> int:
        """What the thought takes, where it is told."""
        return count(THOUGHT) if self.request.get("thinks") else 0


def arguments_of(call: Json) -> Any:
    """A tool call's, as a value; what was cut off has none."""
    try:
        return orjson.loads(call["function"]["arguments"])
    except orjson.JSONDecodeError:
        return {}


class Dialect(Protocol):
    """One format."""

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        """The request in OpenAI's shape, checked. Raises Refusal: the real provider would refuse it."""

    def whole(self, answer: SimulatedAnswer) -> bytes:
        """The body of an answer in one piece."""

    def events(self, answer: SimulatedAnswer) -> list[bytes]:
        """The events of a streamed one."""

    def refusal(self, refusal: Refusal) -> tuple[int, bytes]:
        """Status and body of an error."""

    def failure(self, kind: str, code: str | None) -> tuple[bytes, bytes]:
        """A body, and an event, that say with status 200 that the server failed."""

    def left(self, left: Mapping[str, str], now: float) -> Mapping[str, str]:
        """Headers that say what is left of a quota, from OpenAI's."""
