"""The wait that a provider's headers ask for, up to a maximum: pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pointsman.limits.bounds import LONGEST_PAUSE_S

#: A number so near the present, in seconds since 1970 or smaller parts of them, is a time and not a span.
_NEAR_S = 86_400.0
#: No date and no sensible number is longer.
_MOST_CHARACTERS = 64
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by `retry-after-ms` where it can be read, else by `Retry-After`; `headers` ignores case."""
    milliseconds = number_in(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _in_range(time_left(milliseconds / 1000, now))
    return parse_retry_after(headers.get("retry-after"), now)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds in a `Retry-After` header, which holds a number or an HTTP date; None where it says nothing."""
    seconds = number_in(value)
    if seconds is not None:
        return _in_range(time_left(seconds, now))
    date = None if value is None or len(value) > _MOST_CHARACTERS else _date_in(value)
    return None if date is None else _in_range((date - now).total_seconds())


def number_in(value: str | None) -> float | None:
    """The number that `value` is, infinity where it is beyond all floats; None where it is no number."""
    text = "" if value is None else value.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def time_left(seconds: float, now: datetime) -> float:
    """`seconds`; if that is a Unix time near the present, in whichever unit, the seconds until then."""
    lefts = (seconds / scale - now.timestamp() for scale in (1, 1_000, 1_000_000))
    return next((wait_s for wait_s in lefts if abs(wait_s) <= _NEAR_S), seconds)


def _in_range(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def _date_in(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    # RFC 9110 dates are in GMT; `-0000` is read without a zone.
    return date if date.tzinfo else date.replace(tzinfo=UTC)
