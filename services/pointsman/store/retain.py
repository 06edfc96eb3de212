"""Drops whole days, and keeps what the chains were at the ends of what is gone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from pointsman.store.connect import connected, translated
from pointsman.store.dropped import Run, Statement
from pointsman.store.signing import PrivateKey
from pointsman.store.sql import query


class Day(NamedTuple):
    """A day's partition: rows as Postgres estimates them, bytes on disk with indexes."""

    day: date
    name: str
    rows: int
    bytes: int


async def days_before(dsn: str, first_kept: date) -> list[Day]:
    """The days before `first_kept` that have a partition, oldest first.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return [Day(*row) for row in await connection.fetch(query("days"), first_kept)]


async def drop_day(dsn: str, day: Day, key: PrivateKey | None) -> int:
    """Drop the day and keep its ends, signed where there is a key; returns how many rows are gone.

    Summaries of jobs that were last heard of on that day or before go with it.

    Raises:
        StoreUnavailableError: somebody uses the table for longer than a few seconds; try again.
        StoreError: Postgres refuses; `dsn` must be the owner's.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '5s'")
                table = await connection.fetchval("select format('audit.%I', $1::text)", day.name)
                midnight = datetime.combine(day.day, time(), UTC)
                # Nobody adds a row while the ends are read; readers may go on until the very end.
                await connection.execute(f"lock table {table} in exclusive mode")
                found = await connection.fetch(query("runs_of_day"), midnight)
                runs = tuple(
                    Run(
                        topic=row["topic"],
                        partition=row["partition"],
                        first=row["first"],
                        last=row["last"],
                        rows=row["rows"],
                        chain=row["chain"] and row["chain"].hex(),
                    )
                    for row in found
                )
                rows: int = sum(row["all_rows"] for row in found)
                text = Statement(day=day.day, rows=rows, runs=runs).model_dump_json().encode()
                signature = key.sign_bytes(text) if key else ""
                await connection.execute(query("add_dropped"), day.day, rows, text, signature)
                await connection.execute(f"drop table {table}")
                await connection.execute(query("drop_jobs"), midnight + timedelta(days=1))
    return rows
