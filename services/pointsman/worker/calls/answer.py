"""How one provider call can end: a closed union, whatever the provider answers."""

from dataclasses import dataclass, field

from pointsman_schemas.base import Json
from pointsman_schemas.calls import RawBody, Usage
from pointsman_schemas.reasons import FailReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The provider answered. `response`: its body; where JSON cannot hold all of it, `raw` has the bytes.

    `nothing_left_s`: seconds until it takes the next call, by its rate-limit headers.
    """

    http_status: int
    response: Json
    model: str | None
    usage: Usage | None
    raw: RawBody | None = None
    nothing_left_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The call brought no answer.

    `unbilled`: the provider refused the call or was not reached, so it cost nothing. `elsewhere`: another
    target may succeed. `response`, `raw`, `nothing_left_s`: see `Answer`.
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
    """Another attempt may succeed, after `after` seconds at the earliest."""

    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Failure):
    """Another attempt would fail in the same way. `code`, `param`: from the provider's error."""

    code: str | None = None
    param: str | None = None


Result = Answer | Retry | Reject
