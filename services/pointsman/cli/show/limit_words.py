"""What worker processes say to each other about limits, in a line each."""

from pointsman.cli.formats import count, duration
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    LimitStanding,
)

#: As in `words.KINDS`.
LIMIT_KINDS = {
    "limit.declared": ("limit", "blue"),
    "limit.reserved": ("reserved", "cyan"),
    "limit.settled": ("settled", "cyan"),
    "limit.paused": ("paused", "yellow"),
    "limit.resumed": ("resumed", "green"),
    "limit.standing": ("standing", "blue"),
    "breaker.counted": ("failures", "yellow"),
    "breaker.turned": ("breaker", "red"),
}


def limit_words(message: Message) -> str | None:
    """The line; None for a message of another kind."""
    match message:
        case LimitDeclared(budget=budget, limit=limit):
            span = "a day" if message.window_s is None else f"in any {duration(message.window_s)}"
            return f"{budget}: {limit:,} {span}"
        case LimitReserved(process=process, calls=calls):
            return f"for {count(len(calls), 'call')} of {process}" if calls else f"{process} is still there"
        case LimitSettled(process=process, calls=calls):
            return f"{count(len(calls), 'call')} of {process}"
        case LimitPaused(target=target, seconds=seconds):
            return f"{target} for {duration(seconds)}"
        case LimitResumed(target=target, by=by):
            return f"{target} by {by}"
        case LimitStanding(as_of=as_of):
            return f"all before offset {as_of}"
        case BreakerCounted(target=target, ok=ok, failed=failed):
            return f"{target}: {failed} of {failed + ok} calls failed"
        case BreakerTurned(target=target, to=to, seconds=seconds):
            return f"{target} {to}" + (f" for {duration(seconds)}" if seconds else "")
        case _:
            return None
