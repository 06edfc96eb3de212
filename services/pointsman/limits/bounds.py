"""Bounds for the messages on the `limits` topic: pure, applied to each record before it is folded.

A number that a provider, another process or another release wrote is clamped to its range, in the same way by
every reader; a record for which that makes no sense is skipped.
"""

from collections.abc import Mapping
from math import isnan
from operator import is_
from typing import TypeVar

from pointsman_schemas.base import Message, Value
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitSettled,
)

#: Nobody is left alone for longer on one word of a provider's, seconds: it can say it again.
LONGEST_PAUSE_S = 3600.0
#: A breaker stays open no longer, seconds: `BreakerRule.open_s` at its most, doubled as often as it is.
LONGEST_OPEN_S = 8 * 3600.0
#: The longest span in which something is counted, and by how much it is prolonged at most, seconds.
LONGEST_WINDOW_S = 86_400.0
LONGEST_SLACK_S = 3600.0
#: Of any budget: tokens, or a million US dollars in billionths; of one call. The sums fit 64 bits.
MOST_AMOUNT = 10**15
MOST_OF_CALL = 10**13
_MOST_CALLS = 10**9
#: The end of the year 9999, milliseconds since 1970.
LAST_MS = 253_402_300_799_999


_Kind = TypeVar("_Kind", bound=Value)


class UnusableError(ValueError):
    """A record is skipped; the text says why."""


def bounded(message: Message) -> Message:
    """The message with every number in its range.

    Raises:
        UnusableError: a number in it is none.
    """
    match message:
        case LimitPaused():
            return _with(message, seconds=seconds(message.seconds, LONGEST_PAUSE_S))
        case BreakerTurned():
            return _with(message, seconds=seconds(message.seconds, LONGEST_OPEN_S))
        case BreakerCounted():
            return _with(
                message, ok=whole(message.ok, _MOST_CALLS), failed=whole(message.failed, _MOST_CALLS)
            )
        case LimitDeclared():
            return _declared(message)
        case LimitReserved():
            return _with(message, calls=_bounded_calls(message.calls, "wants"))
        case LimitSettled():
            return _with(message, calls=_bounded_calls(message.calls, "used"))
        case _:
            return message


def seconds(value: float, most: float) -> float:
    """`value` between 0 and `most`."""
    return float(min(max(_number(value), 0), most))


def whole(value: float, most: int, least: int = 0) -> int:
    """`value` as a whole number between `least` and `most`."""
    return int(min(max(_number(value), least), most))


def amounts(values: Mapping[str, int]) -> Mapping[str, int]:
    """What one call takes of its budgets, each in its range."""
    if all(type(value) is int and 0 <= value <= MOST_OF_CALL for value in values.values()):
        return values
    return {name: whole(value, MOST_OF_CALL) for name, value in values.items()}


def _declared(declared: LimitDeclared) -> LimitDeclared:
    window_s = declared.window_s
    if window_s is not None and _number(window_s) <= 0:
        raise UnusableError(f"a span of {window_s} s")
    # Spans are counted in milliseconds: a shorter one would hold nothing.
    return _with(
        declared,
        limit=whole(declared.limit, MOST_AMOUNT),
        window_s=None if window_s is None else max(0.001, seconds(window_s, LONGEST_WINDOW_S)),
        slack_s=seconds(declared.slack_s, LONGEST_SLACK_S),
    )


def _number(value: float) -> float:
    if not isinstance(value, int) and not (isinstance(value, float) and not isnan(value)):
        raise UnusableError(f"{str(value)[:40]!r} is not a number")
    return value


def _with(message: _Kind, **changed: object) -> _Kind:
    """A copy only where something changes: nearly every record is in range."""
    if all(_same(getattr(message, name), value) for name, value in changed.items()):
        return message
    return message.model_copy(update=changed)


def _bounded_calls(calls: tuple[_Kind, ...], name: str) -> tuple[_Kind, ...]:
    bounded_calls = tuple(_with(call, **{name: amounts(getattr(call, name))}) for call in calls)
    return calls if all(map(is_, calls, bounded_calls)) else bounded_calls


def _same(old: object, new: object) -> bool:
    """Not only equal: 1.0 is no whole number."""
    return old is new or (type(old) is type(new) and isinstance(new, int | float) and old == new)
