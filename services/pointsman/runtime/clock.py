"""The clock, as a plain callable, so that tests can control it."""

from collections.abc import Callable
from datetime import UTC, datetime

#: Returns the current time, with time zone.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)
