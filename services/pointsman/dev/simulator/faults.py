"""Fault injection: rules that select requests, and the effect on those requests."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, TypeAdapter


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Frozen):
    """Answer `ms` later. With `sigma` > 0 the delay is lognormal, drawn from `seed` and the request."""

    kind: Literal["latency"]
    ms: NonNegativeFloat
    sigma: NonNegativeFloat = 0
    seed: int = 0


class RateLimit(_Frozen):
    """Answer 429. `Retry-After` is in seconds, or a date rounded up to whole seconds, or absent if null."""

    kind: Literal["rate_limit"]
    retry_after_s: NonNegativeFloat | None = 1
    as_date: bool = False


class ServerError(_Frozen):
    """Answer with a 5xx status, and with `Retry-After` in seconds if given."""

    kind: Literal["server_error"]
    status: Literal[500, 502, 503, 504] = 500
    retry_after_s: NonNegativeFloat | None = None


class ContentFilter(_Frozen):
    """Answer 400 with the code `content_filter`."""

    kind: Literal["content_filter"]


class Hang(_Frozen):
    """Never answer; ends when the client disconnects."""

    kind: Literal["hang"]


class Cut(_Frozen):
    """Close the connection after the fraction `after` of the body."""

    kind: Literal["cut"]
    after: float = Field(default=0.5, ge=0, lt=1)


class MalformedBody(_Frozen):
    """Answer 200 with a body that is not JSON. A stream ends with a bad event after the fraction `after`."""

    kind: Literal["malformed"]
    after: float = Field(default=0, ge=0, lt=1)


class ErrorEvent(_Frozen):
    """Answer 200 with an error as body, or as last event of a stream after the fraction `after`."""

    kind: Literal["error_event"]
    after: float = Field(default=0.5, ge=0, lt=1)
    type: str = "server_error"
    code: str | None = None


class Unfinished(_Frozen):
    """End a stream without its last events, after the fraction `after`. A plain body is complete."""

    kind: Literal["unfinished"]
    after: float = Field(default=0.5, ge=0, lt=1)


class EmptyChoices(_Frozen):
    """Answer 200 with `choices: []`."""

    kind: Literal["empty_choices"]


class SlowStream(_Frozen):
    """Wait `gap_ms` before each event of a stream, or before each eighth of a plain body."""

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
    """An effect, and conditions which must all hold for a request.

    `model` is a name or a tier; `prompt` is contained in a message's text. Of the matching requests, `every`
    takes each nth, `first` the first n with the same messages.
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
    """What rules can test of a request; `messages` is a hash of the messages, `text` all their text."""

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
        """Return the effects of the rules that apply to this call, in the order of the rules."""
        return [armed.rule.effect for armed in self._armed if armed.takes(call)]

    def listed(self) -> list[dict[str, object]]:
        """Return each rule with the number of calls that matched it and to which it was applied."""
        return [
            armed.rule.model_dump(exclude_none=True) | {"fitted": armed.fitted, "taken": armed.taken}
            for armed in self._armed
        ]


class _Armed:
    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.fitted = 0
        self.taken = 0
        self._seen: Counter[int] = Counter()  # by messages; only for `first`

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
