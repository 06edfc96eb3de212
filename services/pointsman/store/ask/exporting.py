"""Exports rows of the audit table, a day at a time, in bounded memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pointsman.store.connect import Statement, connected, translated
from pointsman.store.sql import query

#: Rows per page; a row can have a megabyte.
_PAGE = 500
#: Derived from `value`, which is exported.
_LEFT_OUT = frozenset({"payload"})


class Column(NamedTuple):
    """A column. `type`: Postgres' name, for example `timestamptz`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Export:
    """A snapshot of the rows from `since` until before `until`. `rows`: their number."""

    columns: tuple[Column, ...]
    rows: int
    _statement: Statement
    _days: Sequence[tuple[datetime, datetime]]

    async def pages(self) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield all rows in pages of a few hundred, by topic, partition and offset within each UTC day.

        Raises:
            StoreUnavailableError, StoreError: the query failed while rows were read.
        """
        names = [column.name for column in self.columns]
        with translated():
            for first, last in self._days:
                cursor = await self._statement.cursor(first, last)
                while page := await cursor.fetch(_PAGE):
                    yield [tuple(row[name] for name in names) for row in page]


@asynccontextmanager
async def exporting(dsn: str, since: datetime, until: datetime) -> AsyncIterator[Export]:
    """Open a snapshot of the rows whose broker time is in [since, until). Both times need a time zone.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
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
    """Split [since, until) at midnight UTC: within a day the primary key gives the order without a sort."""
    days = []
    first = since
    while first < until:
        midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        last = min(until, midnight + timedelta(days=1))
        days.append((first, last))
        first = last
    return days
