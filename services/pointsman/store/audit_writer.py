"""Rows into the audit table: the lanes' positions move in the transaction that stores their rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeAlias

import asyncpg

from pointsman.runtime.clock import Clock, utc_now
from pointsman.store.connect import Connection, Pool, translated
from pointsman.store.copy_rows import REFUSED, copy_rows, copy_what_can_be
from pointsman.store.errors import LaneMovedError, StoreUnavailableError
from pointsman.store.row import Row
from pointsman.store.sql import query

#: A topic and a partition.
Lane: TypeAlias = tuple[str, int]

#: Days that get partitions: as far back as Kafka keeps anything, and ahead, so that midnight is no event.
_DAYS_BACK = 31
_DAYS_AHEAD = 2
_TRY_DAYS_AGAIN = timedelta(minutes=1)


class Move(NamedTuple):
    """Where the lane must stand (None: nowhere yet) and where it stands afterwards."""

    expected: int | None
    next: int


class AuditWriter:
    """Appends to `audit.message`, exactly once, whoever else tries the same.

    - A batch and the positions of its lanes are stored together or not at all.
    - Of several writers with the same batch one wins, the others get LaneMovedError.
    - A batch whose commit was cut off (StoreUnavailableError) may be appended again with the same arguments.
    """

    def __init__(self, pool: Pool, *, clock: Clock = utc_now, patience_s: float = 10) -> None:
        """`patience_s`: who waits longer than this for a lane ends transactions whose client is silent."""
        self._pool = pool
        self._clock = clock
        self._patience_s = patience_s
        self._days: set[date] = set()
        self._days_again = datetime.min.replace(tzinfo=UTC)
        self._unsure: set[frozenset[tuple[Lane, Move]]] = set()

    async def positions(self, lanes: Sequence[Lane]) -> dict[Lane, int]:
        """The next offset of each lane that has one.

        Raises:
            StoreUnavailableError, StoreError: the answer cannot be had.
        """
        with translated():
            async with self._pool.acquire() as connection:
                found = await _positions(connection, lanes)
        self._unsure = {batch for batch in self._unsure if not any(lane in lanes for lane, _ in batch)}
        return found

    async def append(self, rows: Sequence[Row], moves: Mapping[Lane, Move]) -> None:
        """Store `rows` and move their lanes, in one transaction.

        A row that Postgres refuses is stored without payload, with the reason in `unreadable`.

        Raises:
            LaneMovedError: a lane is not where it should be; nothing was written.
            StoreUnavailableError: the connection was lost; try again with the same arguments.
            StoreError: Postgres refuses the whole, e.g. because a migration is missing.
        """
        batch = frozenset(moves.items())
        try:
            with translated():
                async with self._pool.acquire() as connection:
                    await self._make_days(connection, rows)
                    await self._store(connection, rows, moves, retried=batch in self._unsure)
        except StoreUnavailableError:
            self._unsure.add(batch)
            raise
        self._unsure.discard(batch)

    async def _store(
        self, connection: Connection, rows: Sequence[Row], moves: Mapping[Lane, Move], *, retried: bool
    ) -> None:
        for copy in (copy_rows, copy_what_can_be):
            try:
                async with connection.transaction():
                    if await _move(connection, moves, retried=retried):
                        await copy(connection, rows)
            except asyncpg.LockNotAvailableError:
                # Whoever holds the lane may be a process that froze in the middle of its transaction.
                await connection.execute(query("evict_frozen"), timedelta(seconds=self._patience_s))
                raise
            except REFUSED:
                if copy is copy_what_can_be:
                    raise
            else:
                return

    async def _make_days(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Make the partitions that the rows and the coming days need; without them rows go to the default."""
        now = self._clock()
        wanted = set(_near(now.date(), {row.broker_at.date() for row in rows})) - self._days
        if not wanted or now < self._days_again:
            return
        try:
            await connection.execute(query("ensure_days"), sorted(wanted))
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            self._days_again = now + _TRY_DAYS_AGAIN
        else:
            self._days |= wanted


async def _move(connection: Connection, moves: Mapping[Lane, Move], *, retried: bool) -> bool:
    """Compare and swap every lane; False where an earlier try of the same was committed after all."""
    ordered = sorted(moves.items())  # one order for all writers: no deadlock
    moved = await connection.fetch(
        query("move_lanes"),
        [topic for (topic, _), _ in ordered],
        [partition for (_, partition), _ in ordered],
        [move.expected for _, move in ordered],
        [move.next for _, move in ordered],
    )
    if len(moved) == len(moves):
        return True
    swapped = {(row["topic"], row["partition"]) for row in moved}
    found = await _positions(connection, list(moves))
    if retried and not swapped and all(found.get(lane) == move.next for lane, move in ordered):
        return False
    lane, move = next((lane, move) for lane, move in ordered if lane not in swapped)
    raise LaneMovedError(lane, move.expected, found.get(lane))


async def _positions(connection: Connection, lanes: Sequence[Lane]) -> dict[Lane, int]:
    rows = await connection.fetch(
        query("positions"), [topic for topic, _ in lanes], [part for _, part in lanes]
    )
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


def _near(today: date, days: Iterable[date]) -> Iterable[date]:
    """The days of a batch that get a partition, and the next ones; a timestamp far off is somebody's joke."""
    yield from (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD + 1))
    first, last = today - timedelta(days=_DAYS_BACK), today + timedelta(days=_DAYS_AHEAD)
    yield from (day for day in days if first <= day <= last)
