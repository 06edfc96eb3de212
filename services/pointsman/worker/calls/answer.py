"""How one provider call can end: a closed vocabulary, whatever the provider or its library said."""

from dataclasses import dataclass, field

from pointsman_schemas.base import Json
from pointsman_schemas.calls import RawBody, Usage
from pointsman_schemas.reasons import FailReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The provider answered. `response` is its body, unchanged where a record can hold it; else `raw` has it.

    `nothing_left_s`: so long it takes no more, by its own headers.
    """

    http_status: int
    response: Json
    model: str | None
    usage: Usage | None
    raw: RawBody | None = None
    nothing_left_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The call came to nothing.

    `unbilled`: the provider refused the call or was never reached, so that it cost nothing. `elsewhere`: what
    stands in the way is this target's, another may well answer. `raw`: its body, where
    `response` does not have it all. `nothing_left_s`: so long nobody need ask this target again.
    """

    reason: FailReason
    message: str
    http_status: int | None = None
    response: Json | None = None
    model: str | None = None
    usage: Usage | None = None
    raw: RawBody | None = None
    unbilled: bool = False
    elsewhere: bool = False
    nothing_left_s: float | None = None
    cause: BaseException | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Failure):
    """It may go well another time, `after` that many seconds at the earliest."""

    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Failure):
    """It would fail again in the same way. `code`, `param`: what the provider's error names."""

    code: str | None = None
    param: str | None = None


Result = Answer | Retry | Reject
