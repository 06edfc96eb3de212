"""Drops whole days, and keeps the chains' links at the ends of the dropped rows.

There are two steps, so that no login needs both the signing key and the owner's rights: the key's holder
signs a statement (`state_day`); the owner of the tables drops the day if the statement still holds
(`drop_day`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from pointsman.identity.keys import PrivateKey
from pointsman.store.ask.reader_rights import refuse_more_than_reader
from pointsman.store.connect import connected, fetched, translated
from pointsman.store.errors import StoreError
from pointsman.store.sql import query
from pointsman.store.verify.dropped import Run, Statement


class Day(NamedTuple):
    """A day's partition. `rows`: as Postgres estimates them; `bytes`: on disk with indexes."""

    day: date
    name: str
    rows: int
    bytes: int


class SignedStatement(BaseModel):
    """A `dropped.Statement` as JSON text, which says what a day's drop removes, and its signature."""

    model_config = ConfigDict(frozen=True)

    day: date
    statement: str
    signature: str


async def days_before(dsn: str, first_kept: date) -> list[Day]:
    """Return the days before `first_kept` that have a partition, oldest first.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    return [Day(*row) for row in await fetched(dsn, "days", first_kept)]


async def state_day(dsn: str, day: Day, key: PrivateKey) -> SignedStatement:
    """Return a signed statement of what dropping the day would remove; changes nothing.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
        TooMuchRightError: the login can do more than read.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            await refuse_more_than_reader(connection)
            runs = await connection.fetch(query("runs_of_day"), _midnight(day))
    text = _statement(day, runs)
    return SignedStatement(day=day.day, statement=text, signature=key.sign_bytes(text.encode()))


async def drop_day(dsn: str, day: Day, signed: SignedStatement | None) -> int:
    """Drop the day and store its statement; returns the number of dropped rows.

    Without `signed`, the stored statement has no signature. Summaries of jobs whose last message was on that
    day or earlier are dropped as well.

    Raises:
        StoreUnavailableError: the table is in use for longer than a few seconds; try again.
        StoreError: Postgres refuses, as `dsn` is not the owner's; or the day differs from the statement.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '5s'")
                table = await connection.fetchval("select format('audit.%I', $1::text)", day.name)
                # No row can be added while the ends are read; readers can continue until the drop.
                await connection.execute(f"lock table {table} in exclusive mode")
                runs = await connection.fetch(query("runs_of_day"), _midnight(day))
                text = _statement(day, runs)
                if signed is not None and signed.statement != text:
                    raise StoreError(
                        f"{day.day} is not what was signed, as rows came or went since: sign it again "
                        "(`pointsman audit retain --sign`)"
                    )
                rows: int = sum(row["all_rows"] for row in runs)
                signature = signed.signature if signed else ""
                added = await connection.fetchval(
                    query("add_dropped"), day.day, rows, text.encode(), signature
                )
                await connection.execute(query("note_dropped"), added)
                await connection.execute(f"drop table {table}")
                await connection.execute(query("drop_jobs"), _midnight(day) + timedelta(days=1))
    return rows


def _statement(day: Day, rows: Sequence[Any]) -> str:
    runs = tuple(Run(**{**row, "chain": row["chain"] and row["chain"].hex()}) for row in rows)
    return Statement(day=day.day, rows=sum(row["all_rows"] for row in rows), runs=runs).model_dump_json()


def _midnight(day: Day) -> datetime:
    return datetime.combine(day.day, time(), UTC)
