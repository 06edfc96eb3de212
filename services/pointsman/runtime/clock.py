"""The clock, as a plain callable, so that a test can hold it still."""

from collections.abc import Callable
from datetime import UTC, datetime

#: Returns the present time, with time zone.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)
