"""What worker processes agree on: budgets, reservations, pauses (topic `limits`).

Nobody leads: each process folds the topic's records, by their broker time, through the same state machine.
"""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import Json, Message, Value

Name = str
Amounts = dict[str, int]


class LimitDeclared(Message):
    """A budget as it is from here on: at most `limit` in any span of `window_s` seconds, or in a UTC day."""

    type: Literal["limit.declared.v1"] = "limit.declared.v1"
    process: Name
    budget: Name
    limit: int = Field(ge=0, description="requests, tokens, or billionths of a US dollar")
    window_s: float | None = Field(gt=0, description="null: a day, by UTC")
    slack_s: float = Field(default=0, ge=0, description="how much later than granted a call may arrive")
    refuses: bool = Field(default=False, description="what there is no room for is refused, not queued")


class Reservation(Value):
    """What one call may need of each budget that it comes under."""

    call: str = Field(description="<job id>:<number>")
    target: Name = Field(description="provider/model")
    wants: Amounts


class LimitReserved(Message):
    """A process asks for leave to make calls; without any it says that it is still there."""

    type: Literal["limit.reserved.v1"] = "limit.reserved.v1"
    process: Name
    number: int = Field(ge=0, description="counts up in each process")
    calls: tuple[Reservation, ...]


class Settlement(Value):
    """What a call came to; a budget that is not named keeps what was reserved."""

    call: str
    used: Amounts


class LimitSettled(Message):
    """Calls have ended, or are not made after all: then all is given back."""

    type: Literal["limit.settled.v1"] = "limit.settled.v1"
    process: Name
    calls: tuple[Settlement, ...]


class LimitPaused(Message):
    """A provider asked to be left alone: nobody calls `target` for so many seconds from this record on."""

    type: Literal["limit.paused.v1"] = "limit.paused.v1"
    process: Name
    target: Name
    seconds: float = Field(ge=0)


class LimitResumed(Message):
    """A person lifts the pause of `target` for all processes, and lets its open breaker be tried at once."""

    type: Literal["limit.resumed.v1"] = "limit.resumed.v1"
    by: Name = Field(description="who asked for it")
    target: Name
    reason: str = Field(default="", max_length=500)


class LimitStanding(Message):
    """All that the records before `as_of` amount to, so that a process that joins need not read them."""

    type: Literal["limit.standing.v1"] = "limit.standing.v1"
    process: Name
    as_of: int = Field(ge=0, description="offset of the first record that is not in it")
    state: Json


class BreakerCounted(Message):
    """What calls of `target` came to since this process's last report; written when some have failed."""

    type: Literal["breaker.counted.v1"] = "breaker.counted.v1"
    process: Name
    target: Name
    ok: int = Field(ge=0)
    failed: int = Field(ge=0)


class BreakerTurned(Message):
    """`target` is left alone (open), tried by this process alone (probing), or called again (closed)."""

    type: Literal["breaker.turned.v1"] = "breaker.turned.v1"
    process: Name
    target: Name
    to: Literal["open", "probing", "closed"]
    seconds: float = Field(default=0, ge=0, description="until it may be tried, or until the probe is lost")
