"""The lanes' positions: locked while a batch is stored, and moved past it in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeAlias

from pointsman.store.append.chain import genesis
from pointsman.store.connect import Connection
from pointsman.store.errors import LaneMovedError
from pointsman.store.sql import query

#: A partition as the audit stores it: the topic's name in its chapter (see `stored_topic`) and its number.
#: Its row in `audit.lane` has its position and the head of its chain.
StoredPartition: TypeAlias = tuple[str, int]


class Move(NamedTuple):
    """A lane's expected position (None: it has none yet) and its new one."""

    expected: int | None
    next: int


class Head(NamedTuple):
    """The head of a lane's chain: the link of the last of `rows` rows before `next_offset`.

    Rows before `chained_from` were stored before the chain existed.
    """

    chain: bytes
    rows: int
    chained_from: int
    next_offset: int

    @classmethod
    def of(cls, row: Any, next_offset: int) -> Self:
        """Return the head in a row of `audit.lane`; a lane without rows has its chain's first value."""
        chain = row["chain"] or genesis(row["topic"], row["partition"], row["chained_from"])
        return cls(chain, row["rows"], row["chained_from"], next_offset)


class LockedLane(NamedTuple):
    """A lane locked against other writers, and the database's time of locking it."""

    head: Head
    clock: datetime


async def positions(connection: Connection, lanes: Sequence[StoredPartition]) -> dict[StoredPartition, int]:
    """Return the next offset of each lane that has a stored position."""
    rows = await connection.fetch(
        query("positions"), [topic for topic, _ in lanes], [part for _, part in lanes]
    )
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def hold(
    connection: Connection, moves: Mapping[StoredPartition, Move], *, retried: bool
) -> dict[StoredPartition, LockedLane] | None:
    """Lock every lane until the transaction ends. None if an earlier try has already made these `moves`.

    Raises:
        LaneMovedError: a lane is not at its expected position.
    """
    ordered = sorted(moves.items())  # all writers lock in the same order, so they do not deadlock
    rows = await connection.fetch(
        query("hold_lanes"),
        [topic for (topic, _), _ in ordered],
        [partition for (_, partition), _ in ordered],
        [move.expected for _, move in ordered],
    )
    locked = {
        (row["topic"], row["partition"]): LockedLane(
            Head.of(row, moves[row["topic"], row["partition"]].expected or 0), row["clock"]
        )
        for row in rows
    }
    if len(locked) == len(moves):
        return locked
    held_positions = await positions(connection, list(moves))
    if retried and not locked and all(held_positions.get(lane) == move.next for lane, move in ordered):
        return None
    lane, move = next((lane, move) for lane, move in ordered if lane not in locked)
    raise LaneMovedError(lane, move.expected, held_positions.get(lane))


async def move(
    connection: Connection,
    locked: Mapping[StoredPartition, LockedLane],
    heads: Mapping[StoredPartition, Head],
) -> None:
    """Move locked lanes to their new heads.

    Raises:
        LaneMovedError: a lane's new position is not after its old one.
    """
    ordered = sorted(heads.items())
    before = [locked[lane].head for lane, _ in ordered]
    moved = await connection.fetchval(
        query("move_lanes"),
        [topic for (topic, _), _ in ordered],
        [partition for (_, partition), _ in ordered],
        [head.next_offset for head in before],
        [head.next_offset for _, head in ordered],
        [head.chain for _, head in ordered],
        [head.rows - old.rows for (_, head), old in zip(ordered, before, strict=True)],
    )
    if moved != len(heads):
        lane, old = ordered[0][0], before[0].next_offset
        raise LaneMovedError(lane, old, old)
