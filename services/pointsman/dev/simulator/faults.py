"""Faults to order: rules that pick requests, and what happens to the requests they pick."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, TypeAdapter


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Frozen):
    """Answers `ms` later; with `sigma` > 0 lognormal around it, drawn from `seed` and the request."""

    kind: Literal["latency"]
    ms: NonNegativeFloat
    sigma: NonNegativeFloat = 0
    seed: int = 0


class RateLimit(_Frozen):
    """429; `Retry-After` as seconds, as an HTTP date (whole seconds, rounded up), or absent when null."""

    kind: Literal["rate_limit"]
    retry_after_s: NonNegativeFloat | None = 1
    as_date: bool = False


class ServerError(_Frozen):
    """A 5xx answer, with `Retry-After` in seconds if given."""

    kind: Literal["server_error"]
    status: Literal[500, 502, 503, 504] = 500
    retry_after_s: NonNegativeFloat | None = None


class ContentFilter(_Frozen):
    """400 with the code `content_filter`."""

    kind: Literal["content_filter"]


class Hang(_Frozen):
    """Never answers; ends when the client goes away."""

    kind: Literal["hang"]


class Cut(_Frozen):
    """Closes the connection after this part of the body."""

    kind: Literal["cut"]
    after: float = Field(default=0.5, ge=0, lt=1)


class MalformedBody(_Frozen):
    """200 with a body that is not JSON; of a stream an event is not, in place of the rest after this part."""

    kind: Literal["malformed"]
    after: float = Field(default=0, ge=0, lt=1)


class ErrorEvent(_Frozen):
    """200 with an error as the body, or as the last event of a stream, after this part of it."""

    kind: Literal["error_event"]
    after: float = Field(default=0.5, ge=0, lt=1)
    type: str = "server_error"
    code: str | None = None


class Unfinished(_Frozen):
    """A stream that ends in good order after this part of its events; a plain body is whole."""

    kind: Literal["unfinished"]
    after: float = Field(default=0.5, ge=0, lt=1)


class EmptyChoices(_Frozen):
    """200 with `choices: []`."""

    kind: Literal["empty_choices"]


class SlowStream(_Frozen):
    """Waits `gap_ms` before each event of a stream, or before each eighth of a plain body."""

    kind: Literal["slow_stream"]
    gap_ms: NonNegativeFloat


Effect = Annotated[
    Latency
    | RateLimit
    | ServerError
    | ContentFilter
    | Hang
    | Cut
    | MalformedBody
    | ErrorEvent
    | Unfinished
    | EmptyChoices
    | SlowStream,
    Field(discriminator="kind"),
]


class FaultRule(_Frozen):
    """An effect and the requests it meets: those that fit every condition given.

    `model` is a name or a tier, `prompt` a part of any message's text. Of the fitting ones `every` takes each
    nth, `first` the first n with the same messages.
    """

    effect: Effect
    model: str | None = None
    agent: str | None = None
    job: str | None = None
    prompt: str | None = None
    every: PositiveInt | None = None
    first: PositiveInt | None = None


RULES = TypeAdapter(list[FaultRule])


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """What rules look at; `messages` identifies the messages by a hash, `text` is all their text."""

    model: str
    tier: str
    agent: str
    job: str
    messages: int
    text: str


class Faults:
    """The rules in force, with their counters."""

    def __init__(self, rules: list[FaultRule]) -> None:
        self._armed = [_Armed(rule) for rule in rules]

    def add(self, rules: list[FaultRule]) -> None:
        self._armed += [_Armed(rule) for rule in rules]

    def clear(self) -> None:
        self._armed.clear()

    def effects(self, call: SimulatedCall) -> list[Effect]:
        """The effects of the rules that take this call, in the order of the rules."""
        return [armed.rule.effect for armed in self._armed if armed.takes(call)]

    def listed(self) -> list[dict[str, object]]:
        """Each rule as given, plus how many calls fitted it and how many it took."""
        return [
            armed.rule.model_dump(exclude_none=True) | {"fitted": armed.fitted, "taken": armed.taken}
            for armed in self._armed
        ]


class _Armed:
    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.fitted = 0
        self.taken = 0
        self._seen: Counter[int] = Counter()  # per distinct messages, only for `first`

    def takes(self, call: SimulatedCall) -> bool:
        if not self._fits(call):
            return False
        self.fitted += 1
        rule = self.rule
        if rule.every is not None and self.fitted % rule.every:
            return False
        if rule.first is not None:
            self._seen[call.messages] += 1
            if self._seen[call.messages] > rule.first:
                return False
        self.taken += 1
        return True

    def _fits(self, call: SimulatedCall) -> bool:
        rule = self.rule
        return (
            (rule.model is None or rule.model in (call.model, call.tier))
            and (rule.agent is None or rule.agent == call.agent)
            and (rule.job is None or rule.job == call.job)
            and (rule.prompt is None or rule.prompt in call.text)
        )
