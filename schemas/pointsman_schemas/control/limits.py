"""Shared limits: budgets, reservations, pauses and circuit breakers (topic `limits`).

There is no leader: each worker process applies all records, by broker time, to the same state machine.
"""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import Json, Message, Value

Name = str
Amounts = dict[str, int]


class LimitDeclared(Message):
    """Sets a budget from this record on: at most `limit` in any `window_s` seconds, or in a UTC day."""

    type: Literal["limit.declared.v1"] = "limit.declared.v1"
    process: Name
    budget: Name
    limit: int = Field(ge=0, description="requests, tokens, or billionths of a US dollar")
    window_s: float | None = Field(gt=0, description="null: a UTC day")
    slack_s: float = Field(default=0, ge=0, description="how long after its grant a call may arrive")
    refuses: bool = Field(
        default=False, description="true: reservations beyond the limit are refused; false: they wait"
    )


class Reservation(Value):
    """The largest amount that one call may use of each of its budgets."""

    call: str = Field(description="<job id>:<number>")
    target: Name = Field(description="provider/model")
    wants: Amounts


class LimitReserved(Message):
    """A process reserves calls. A message without calls is a heartbeat."""

    type: Literal["limit.reserved.v1"] = "limit.reserved.v1"
    process: Name
    number: int = Field(ge=0, description="increases within each process")
    calls: tuple[Reservation, ...]


class Settlement(Value):
    """The amounts that a call used. Budgets that are not listed keep the reserved amount."""

    call: str
    used: Amounts


class LimitSettled(Message):
    """Calls have ended, or were not made; then the whole reservation is returned."""

    type: Literal["limit.settled.v1"] = "limit.settled.v1"
    process: Name
    calls: tuple[Settlement, ...]


class LimitPaused(Message):
    """A provider asked for a pause: no process calls `target` for `seconds` after this record."""

    type: Literal["limit.paused.v1"] = "limit.paused.v1"
    process: Name
    target: Name
    seconds: float = Field(ge=0)


class LimitResumed(Message):
    """A person ends the pause of `target` for all processes. An open breaker may be probed at once."""

    type: Literal["limit.resumed.v1"] = "limit.resumed.v1"
    by: Name = Field(description="who ended it")
    target: Name
    reason: str = Field(default="", max_length=500)


class LimitStanding(Message):
    """A snapshot of the state before `as_of`, so that a new process need not read earlier records."""

    type: Literal["limit.standing.v1"] = "limit.standing.v1"
    process: Name
    as_of: int = Field(ge=0, description="offset of the first record that is not included")
    state: Json


class BreakerCounted(Message):
    """Calls to `target` that succeeded and failed since this process's last report; written if any failed."""

    type: Literal["breaker.counted.v1"] = "breaker.counted.v1"
    process: Name
    target: Name
    ok: int = Field(ge=0)
    failed: int = Field(ge=0)


class BreakerTurned(Message):
    """The state of the circuit breaker of `target`: open, probing (by this process only) or closed."""

    type: Literal["breaker.turned.v1"] = "breaker.turned.v1"
    process: Name
    target: Name
    to: Literal["open", "probing", "closed"]
    seconds: float = Field(
        default=0, ge=0, description="open: time until a probe; probing: time until the probe counts as lost"
    )
