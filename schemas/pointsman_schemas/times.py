"""Times that the calendar can hold: with an offset, the years 1 and 9999 reach beyond what UTC has."""

from datetime import UTC, datetime

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def in_utc(time: datetime) -> datetime:
    """`time` in UTC; the first or the last that there is, where it would lie beyond."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return FIRST if time.year == 1 else LAST


def within_utc(time: datetime) -> datetime:
    """`time` as it stands, or the nearest to it that UTC has."""
    utc = in_utc(time)
    return time if utc == time else utc


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return in_utc(time).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
