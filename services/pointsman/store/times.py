"""Times from Postgres that Python cannot hold: a reader that must not break on any of them."""

from datetime import UTC, date, datetime, timedelta

from pointsman.store.connect import Connection

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_INFINITY = 2**63 - 1
_INFINITE_DAY = 2**31 - 1
_MICROSECOND = timedelta(microseconds=1)
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


async def read_any_time(connection: Connection) -> None:
    """From now on a time or date outside of Python's years is the text `out of range` instead of an error."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=_microseconds, decoder=_time
    )
    await connection.set_type_codec("date", schema="pg_catalog", format="tuple", encoder=_days, decoder=_day)


def microseconds(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _1970) // _MICROSECOND


def _microseconds(time: datetime) -> tuple[int]:
    return ((time - _EPOCH) // _MICROSECOND,)


def _time(stored: tuple[int]) -> datetime | str:
    (passed,) = stored
    if abs(passed) >= _INFINITY:  # as the driver writes the edges of the calendar
        return _LAST if passed > 0 else _FIRST
    try:
        return _EPOCH + passed * _MICROSECOND
    except OverflowError:
        return "out of range"


def _days(day: date) -> tuple[int]:
    return ((day - _EPOCH.date()).days,)


def _day(stored: tuple[int]) -> date | str:
    (passed,) = stored
    if abs(passed) >= _INFINITE_DAY:
        return date.max if passed > 0 else date.min
    try:
        return _EPOCH.date() + timedelta(days=passed)
    except OverflowError:
        return "out of range"
