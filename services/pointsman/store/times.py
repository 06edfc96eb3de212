"""Decodes dates, times and intervals: into Python's types if the value fits, else into Postgres' text."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import partial
from typing import Any

from pointsman.store.connect import Connection

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 -- where Postgres counts from, with a zone or without
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -(2**63), 2**63 - 1
_DAY_S = 86_400
_MICROSECONDS = 1_000_000


async def read_all_times(connection: Connection, *, as_written: bool = False) -> None:
    """Let the connection decode all values of these types; the driver raises an error for some.

    `as_written`: decode infinity as the first or last date of Python's calendar, as the driver encodes it.
    """
    for name, (encoder, decoder) in _CODECS.items():
        if as_written and name in _EDGES:
            decoder = partial(_at_the_edge, decoder, _EDGES[name])  # noqa: PLW2901
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="tuple"
        )


def microseconds(time: datetime) -> int:
    """Return microseconds since 1970."""
    return (time - _1970) // timedelta(microseconds=1)


def _at_the_edge(decoder: Callable[[Any], Any], edges: dict[str, Any], parts: Any) -> Any:
    value = decoder(parts)
    return edges.get(value, value) if isinstance(value, str) else value


def _date(parts: tuple[int]) -> date | str:
    (days,) = parts
    if days in (-(2**31), 2**31 - 1):
        return _infinity(days)
    try:
        return (_EPOCH + timedelta(days=days)).date()
    except OverflowError:
        return _calendar(days, "")


def _timestamp(parts: tuple[int]) -> datetime | str:
    return _moment(parts[0], _EPOCH, "")


def _timestamptz(parts: tuple[int]) -> datetime | str:
    return _moment(parts[0], _EPOCH_UTC, "+00")


def _moment(passed: int, epoch: datetime, zone: str) -> datetime | str:
    try:
        return epoch + timedelta(microseconds=passed)
    except OverflowError:
        if passed in (_EARLIEST, _LATEST):
            return _infinity(passed)
        days, day_microseconds = divmod(passed, _DAY_S * _MICROSECONDS)
        return _calendar(days, f" {_clock(day_microseconds)}{zone}")


def _time(parts: tuple[int]) -> time | str:
    (microseconds,) = parts
    if microseconds >= _DAY_S * _MICROSECONDS:
        return _clock(microseconds)
    return (_EPOCH + timedelta(microseconds=microseconds)).time()


def _timetz(parts: tuple[int, int]) -> time | str:
    microseconds, west = parts
    zone = timezone(timedelta(seconds=-west))
    plain = _time((microseconds,))
    return f"{plain}{zone}" if isinstance(plain, str) else plain.replace(tzinfo=zone)


def _interval(parts: tuple[int, int, int]) -> timedelta | str:
    """Count a month as 30 days and a year as 365, as the driver does."""
    months, days, microseconds = parts
    if abs(microseconds) >= _LATEST:
        return _infinity(microseconds)
    years, months = int(months / 12), months - 12 * int(months / 12)
    try:
        return timedelta(days=days + 30 * months + 365 * years, microseconds=microseconds)
    except OverflowError:
        return f"{years} years {months} mons {days} days {microseconds / _MICROSECONDS:g} s"


def _days(value: date) -> tuple[int]:
    return ((value - _EPOCH.date()).days,)


def _since(value: datetime) -> tuple[int]:
    plain = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return ((plain - _EPOCH) // timedelta(microseconds=1),)


def _span(value: timedelta) -> tuple[int, int, int]:
    return 0, value.days, value.seconds * _MICROSECONDS + value.microseconds


def _of_day(value: time) -> tuple[int]:
    return _since(datetime.combine(_EPOCH, value.replace(tzinfo=None)))


def _of_day_there(value: time) -> tuple[int, int]:
    return *_of_day(value), -round((value.utcoffset() or timedelta()).total_seconds())


_CODECS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "date": (_days, _date),
    "timestamp": (_since, _timestamp),
    "timestamptz": (_since, _timestamptz),
    "time": (_of_day, _time),
    "timetz": (_of_day_there, _timetz),
    "interval": (_span, _interval),
}
_EDGES: dict[str, dict[str, Any]] = {
    "date": {"infinity": date.max, "-infinity": date.min},
    "timestamptz": {
        "infinity": datetime.max.replace(tzinfo=UTC),
        "-infinity": datetime.min.replace(tzinfo=UTC),
    },
}


def _infinity(number: int) -> str:
    return "infinity" if number > 0 else "-infinity"


def _clock(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, _MICROSECONDS)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}" if fraction else text


def _calendar(days: int, clock: str) -> str:
    """Return the date `days` after 2000-01-01 in the proleptic Gregorian calendar, for any year.

    The calendar repeats every 400 years (146,097 days): the date is computed in a cycle that Python supports.
    """
    cycles, days_left = divmod(days, 146_097)
    near = _EPOCH + timedelta(days=days_left)
    year = near.year + 400 * cycles
    era = "" if year > 0 else " BC"
    return f"{year if year > 0 else 1 - year:04}-{near:%m-%d}{clock}{era}"
