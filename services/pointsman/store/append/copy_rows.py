"""Stores rows by binary COPY, and makes a substitute for a row that Postgres refuses."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from pointsman.store.append.chain import follow
from pointsman.store.append.lanes import Head, LockedLane, Move, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.connect import Connection

#: A value cannot be stored; the connection still works. The driver raises plain Python errors.
REFUSED = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    AttributeError,
    TypeError,
    ValueError,
)

_COLUMNS = (*Row._fields, "recorded_at", "chain")
#: Placeholders for a link and a time, used in trials only.
_ANY, _ANY_TIME = b"", datetime(2000, 1, 1, tzinfo=UTC)


async def copy_rows(connection: Connection, linked: AsyncIterable[tuple[object, ...]]) -> None:
    """Store rows that end in `recorded_at` and `chain`, all or none.

    Raises:
        REFUSED: Postgres or the driver refused a row.
    """
    await connection.copy_records_to_table("message", schema_name="audit", columns=_COLUMNS, records=linked)


async def what_can_be_stored(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return the rows, with a substitute for each that Postgres refuses, which is found by bisection.

    Nothing is stored, because a row's link depends on the final form of the rows before it.
    """
    refusal = await _refusal_of(connection, rows)
    if refusal is None:
        return list(rows)
    if len(rows) > 1:
        middle = len(rows) // 2
        first = await what_can_be_stored(connection, rows[:middle])
        return first + await what_can_be_stored(connection, rows[middle:])
    reason = f"Postgres refused it: {_storable(refusal)}"
    bare = rows[0].without_payload(reason)
    return [bare if await _refusal_of(connection, [bare]) is None else rows[0].only_bytes(reason)]


async def _refusal_of(connection: Connection, rows: Sequence[Row]) -> Exception | None:
    trial = connection.transaction()
    await trial.start()
    try:
        for row in rows:
            follow(_ANY, row, _ANY_TIME)
        await connection.copy_records_to_table(
            "message", schema_name="audit", columns=Row._fields, records=rows
        )
    except REFUSED as error:
        return error
    finally:
        await trial.rollback()
    return None


def _storable(error: Exception) -> str:
    text = str(error).replace("\n", "; ").replace("\0", " ")
    return text.encode("utf-8", "backslashreplace").decode()[:500]


#: Rows between two flushes: Postgres reads these while the next ones are made.
_PORTION = 40


class Linking:
    """Yields rows with `recorded_at` and `chain` added; then `heads` returns the new heads of their lanes."""

    def __init__(self, rows: Iterable[Row], locked_lanes: Mapping[StoredPartition, LockedLane]) -> None:
        """`rows`: ordered within each locked lane; lanes may alternate."""
        self._rows = rows
        self._locked_lanes = locked_lanes
        self._chains = {lane: head.chain for lane, (head, _) in locked_lanes.items()}
        self._added = dict.fromkeys(locked_lanes, 0)

    async def __aiter__(self) -> AsyncIterator[tuple[object, ...]]:
        """Raises KeyError if a row's lane is not locked, and what `follow` raises."""
        for number, row in enumerate(self._rows, 1):
            lane = (row.topic, row.partition)
            clock = self._locked_lanes[lane].clock
            chain = self._chains[lane] = follow(self._chains[lane], row, clock)
            self._added[lane] += 1
            yield (*row, clock, chain)
            if number % _PORTION == 0:
                await asyncio.sleep(0)

    def heads(self, moves: Mapping[StoredPartition, Move]) -> dict[StoredPartition, Head]:
        """Return the lanes' heads after these moves."""
        return {
            lane: Head(self._chains[lane], head.rows + self._added[lane], head.chained_from, moves[lane].next)
            for lane, (head, _) in self._locked_lanes.items()
        }
