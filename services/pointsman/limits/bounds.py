"""Bounds for the messages on the `limits` topic: pure, applied to each record before it is folded.

A number from a provider, another process or another release is clamped to its range, by every reader in the
same way; a record in which that makes no sense is skipped.
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

#: The longest pause in seconds; the provider can ask for another one.
LONGEST_PAUSE_S = 3600.0
#: The longest time that a breaker stays open, in seconds: the largest `BreakerRule.open_s` after all
#: doublings.
LONGEST_OPEN_S = 8 * 3600.0
#: The longest window of a budget, and its longest extension, in seconds.
LONGEST_WINDOW_S = 86_400.0
LONGEST_SLACK_S = 3600.0
#: The largest limit of a budget (tokens, or billionths of a US dollar), and of one call. Sums fit 64 bits.
MOST_AMOUNT = 10**15
MOST_OF_CALL = 10**13
_MOST_CALLS = 10**9
#: The end of the year 9999, milliseconds since 1970.
LAST_MS = 253_402_300_799_999


_Kind = TypeVar("_Kind", bound=Value)


class UnusableError(ValueError):
    """A record cannot be used and is skipped; the text says why."""


def bounded(message: Message) -> Message:
    """Return the message with every number clamped to its range.

    Raises:
        UnusableError: a value is not a number, or has no meaning.
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
    """Clamp `value` to 0 ... `most`."""
    return float(min(max(_number(value), 0), most))


def whole(value: float, most: int, least: int = 0) -> int:
    """Clamp `value` to `least` ... `most` and truncate it to an integer."""
    return int(min(max(_number(value), least), most))


def amounts(values: Mapping[str, int]) -> Mapping[str, int]:
    """Clamp the amounts that one call takes from its budgets."""
    if all(type(value) is int and 0 <= value <= MOST_OF_CALL for value in values.values()):
        return values
    return {name: whole(value, MOST_OF_CALL) for name, value in values.items()}


def _declared(declared: LimitDeclared) -> LimitDeclared:
    window_s = declared.window_s
    if window_s is not None and _number(window_s) <= 0:
        raise UnusableError(f"a span of {window_s} s")
    # Spans are counted in milliseconds: a shorter one would be empty.
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
    """Return a copy only if something changes, as nearly every record is in range."""
    if all(_same(getattr(message, name), value) for name, value in changed.items()):
        return message
    return message.model_copy(update=changed)


def _bounded_calls(calls: tuple[_Kind, ...], name: str) -> tuple[_Kind, ...]:
    bounded_calls = tuple(_with(call, **{name: amounts(getattr(call, name))}) for call in calls)
    return calls if all(map(is_, calls, bounded_calls)) else bounded_calls


def _same(old: object, new: object) -> bool:
    """Compare value and type: 1.0 is not an integer."""
    return old is new or (type(old) is type(new) and isinstance(new, int | float) and old == new)
