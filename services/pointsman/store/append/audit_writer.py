"""Writes rows to the audit table, with the lanes' positions and chains in the same transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import asyncpg

from pointsman.runtime.clock import Clock, utc_now
from pointsman.store.append import lanes
from pointsman.store.append.chapters import Chapter, TopicIds, chapters
from pointsman.store.append.copy_rows import REFUSED, Linking, copy_rows, what_can_be_stored
from pointsman.store.append.lanes import Head, LockedLane, Move, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.connect import Connection, Pool, limit_waits, translated
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman.store.privacy.keyring import KeysChangedError, Sealing
from pointsman.store.sql import query
from pointsman_schemas.control.checkpoints import ChapterMet, OffsetsLost

#: Days that get a partition: back to Kafka's longest retention, and ahead so that no write waits for one.
_DAYS_BACK = 31
_DAYS_AHEAD = 2
_TRY_DAYS_AGAIN = timedelta(minutes=1)


class AuditWriter:
    """Appends to `audit.message` exactly once, even if several processes try to.

    - A batch and the positions of its lanes are stored together or not at all.
    - If several writers have the same batch, one succeeds and the others get LaneMovedError.
    - A batch whose commit was interrupted (StoreUnavailableError) may be appended again, unchanged.
    """

    def __init__(self, pool: Pool, *, clock: Clock = utc_now, patience_s: float = 10) -> None:
        """`patience_s`: limit of the wait for a lane's lock, and of the server's wait for a silent client."""
        self._pool = pool
        self._clock = clock
        self._patience_s = patience_s
        self._days: set[date] = set()
        self._days_again = datetime.min.replace(tzinfo=UTC)
        #: The chain heads of the lanes that this writer has moved.
        self.heads: dict[StoredPartition, Head] = {}
        #: The new chapters and lost offsets that the next checkpoint must cover as well.
        self.events: set[ChapterMet | OffsetsLost] = set()
        self._maybe_stored: set[frozenset[tuple[StoredPartition, Move]]] = set()

    async def positions(self, partitions: Sequence[StoredPartition]) -> dict[StoredPartition, int]:
        """Return the next offset of each lane that has a stored position.

        Raises:
            StoreUnavailableError, StoreError: the query failed.
        """
        with translated():
            async with self._pool.acquire() as connection:
                positions = await lanes.positions(connection, partitions)
        self._maybe_stored = {
            batch for batch in self._maybe_stored if not any(lane in partitions for lane, _ in batch)
        }
        return positions

    async def chapters(self, topic_ids: Mapping[str, TopicIds]) -> dict[str, Chapter]:
        """Return the newest chapter of each of these topics of one cluster; a new topic gets its first.

        Raises:
            StoreUnavailableError, StoreError: the query failed.
        """
        with translated():
            async with self._pool.acquire() as connection:
                topic_chapters = await chapters(connection, topic_ids)
        self.events |= {
            ChapterMet(topic=topic, number=chapter.number, cluster_id=chapter.ids[0], topic_id=chapter.ids[1])
            for topic, chapter in topic_chapters.items()
            if chapter.ids == topic_ids[topic]
        }
        return topic_chapters

    async def record_loss(self, lane: StoredPartition, move: Move) -> None:
        """Move a lane past offsets that could not be read, and record them as lost.

        Raises:
            LaneMovedError, StoreUnavailableError, StoreError: as `append`.
        """
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await limit_waits(connection, self._patience_s)
                locked_lanes = await lanes.hold(connection, {lane: move}, retried=False)
                assert locked_lanes is not None
                await connection.execute(query("add_lost"), *lane, move.expected, move.next)
                moved = locked_lanes[lane].head._replace(next_offset=move.next)
                await lanes.move(connection, locked_lanes, {lane: moved})
        self.heads.pop(lane, None)
        assert move.expected is not None
        self.events.add(
            OffsetsLost(topic=lane[0], partition=lane[1], first_offset=move.expected, next_offset=move.next)
        )

    async def append(
        self,
        rows: Iterable[Row],
        moves: Mapping[StoredPartition, Move],
        *,
        days: Collection[date] | None = None,
        sealing: Sealing | None = None,
    ) -> None:
        """Store `rows`, in order within each lane, and move the lanes in the same transaction.

        `rows` may be a lazy iterable, so that Postgres works while later rows are made; it may be iterated
        again. `days`: the dates of the rows' broker time, if known beforehand. `sealing`: the keys that seal
        the rows; if a key has changed, the rows are iterated again. A row that Postgres refuses is stored
        without payload, with the reason in `unreadable`.

        Raises:
            LaneMovedError: a lane is not at its expected position; nothing was written.
            StoreUnavailableError: the connection was lost; try again with the same arguments.
            StoreError: Postgres refuses the whole batch, for example because a migration is missing.
        """
        batch = frozenset(moves.items())
        broke = False
        try:
            with translated():
                async with self._pool.acquire() as connection:
                    try:
                        if days is None:
                            days = {row.broker_at.date() for row in rows}
                        await self._make_days(connection, days)
                        await self._store(
                            connection, rows, moves, sealing, retried=batch in self._maybe_stored
                        )
                    finally:
                        broke = connection.is_closed()
        except StoreUnavailableError as error:
            error.broke = broke
            self._maybe_stored.add(batch)
            raise
        self._maybe_stored.discard(batch)

    async def _store(
        self,
        connection: Connection,
        rows: Iterable[Row],
        moves: Mapping[StoredPartition, Move],
        sealing: Sealing | None,
        *,
        retried: bool,
    ) -> None:
        try:
            try:
                await self._try(connection, rows, moves, sealing, retried=retried)
            except REFUSED:
                storable = await what_can_be_stored(connection, list(rows))
                await self._try(connection, storable, moves, sealing, retried=retried)
        except KeysChangedError:
            await self._store(connection, rows, moves, sealing, retried=retried)
        except asyncpg.LockNotAvailableError:
            # The lock may be held by a process that froze in its transaction.
            await connection.execute(query("evict_frozen"), timedelta(seconds=self._patience_s))
            raise

    async def _try(
        self,
        connection: Connection,
        rows: Iterable[Row],
        moves: Mapping[StoredPartition, Move],
        sealing: Sealing | None,
        *,
        retried: bool,
    ) -> None:
        async with connection.transaction():
            await limit_waits(connection, self._patience_s)
            locked_lanes = await lanes.hold(connection, moves, retried=retried)
            if locked_lanes is None:
                for lane in moves:  # an earlier try of this writer moved it, but the answer was lost
                    self.heads.pop(lane, None)
                return
            self._compare(locked_lanes)
            linking = Linking(rows, locked_lanes)
            await copy_rows(connection, linking)
            if sealing is not None:
                await sealing.settle(connection)
            heads = linking.heads(moves)
            await lanes.move(connection, locked_lanes, heads)
        self.heads |= heads
        if sealing is not None:
            sealing.keep()

    def _compare(self, locked_lanes: Mapping[StoredPartition, LockedLane]) -> None:
        """Check that each chain continues from where this writer left it."""
        for lane, (head, _) in locked_lanes.items():
            ours = self.heads.get(lane)
            if ours is not None and ours.next_offset == head.next_offset and ours != head:
                raise StoreError(
                    f"the chain of {lane[0]}/{lane[1]} was changed by somebody else at offset "
                    f"{head.next_offset}; `pointsman audit verify` says where"
                )

    async def _make_days(self, connection: Connection, days: Collection[date]) -> None:
        """Create the partitions of `days` and the coming days; until then, rows go to the default one."""
        now = self._clock()
        missing_days = set(_near(now.date(), days)) - self._days
        if not missing_days or now < self._days_again:
            return
        try:
            await connection.execute(query("ensure_days"), sorted(missing_days))
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            self._days_again = now + _TRY_DAYS_AGAIN
        else:
            self._days |= missing_days


def _near(today: date, days: Iterable[date]) -> Iterable[date]:
    """Yield today, the coming days and those of `days` near today: a producer's clock can be wrong."""
    yield from (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD + 1))
    first, last = today - timedelta(days=_DAYS_BACK), today + timedelta(days=_DAYS_AHEAD)
    yield from (day for day in days if first <= day <= last)
