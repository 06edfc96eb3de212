"""Exports rows of the audit table, a day at a time, in bounded memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pointsman.store.connect import Statement, connected, translated
from pointsman.store.sql import query

#: Rows held at once; one may be a megabyte.
_PAGE = 500
#: Made from `value`, which is exported as it is.
_LEFT_OUT = frozenset({"payload"})


class Column(NamedTuple):
    """`type`: as Postgres names it, e.g. `timestamptz`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Export:
    """One snapshot of the rows from `since` to `until`; `rows` is how many there are."""

    columns: tuple[Column, ...]
    rows: int
    _statement: Statement
    _days: Sequence[tuple[datetime, datetime]]

    async def pages(self) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Every row, in order of topic, partition and offset within each UTC day; some hundred at a time.

        Raises:
            StoreUnavailableError, StoreError: it broke off.
        """
        names = [column.name for column in self.columns]
        with translated():
            for first, last in self._days:
                cursor = await self._statement.cursor(first, last)
                while page := await cursor.fetch(_PAGE):
                    yield [tuple(row[name] for name in names) for row in page]


@asynccontextmanager
async def exporting(dsn: str, since: datetime, until: datetime) -> AsyncIterator[Export]:
    """A snapshot of the rows whose broker time is in [since, until), both with a time zone.

    Raises:
        StoreUnavailableError, StoreError: it cannot be read.
    """
    async with connected(dsn) as connection:
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        with translated(dsn):
            await transaction.start()
            rows = await connection.fetchval(query("export_count"), since, until)
            statement = await connection.prepare(query("export_rows"))
        columns = tuple(
            Column(attribute.name, attribute.type.name)
            for attribute in statement.get_attributes()
            if attribute.name not in _LEFT_OUT
        )
        yield Export(columns, rows, statement, _days(since, until))


def _days(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """[since, until) cut at midnight UTC: within a day the primary key gives the order, nothing is sorted."""
    days = []
    first = since
    while first < until:
        midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        last = min(until, midnight + timedelta(days=1))
        days.append((first, last))
        first = last
    return days
