"""What the database has of each record, for comparing it with the records themselves."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pointsman.store.connect import Connection, connected, translated
from pointsman.store.dropped import Gaps, gaps_of
from pointsman.store.lanes import Lane
from pointsman.store.sql import query


class Digests:
    """The stored digests; all methods raise StoreUnavailableError and StoreError."""

    def __init__(self, connection: Connection, positions: Mapping[Lane, int], gaps: Gaps) -> None:
        self._connection = connection
        self._gaps = gaps.by_lane
        #: The next offset of each lane, when this began.
        self.positions = positions

    def dropped(self, lane: Lane, offset: int) -> bool:
        """Whether retention dropped the row."""
        return any(gap.first <= offset <= gap.last for gap in self._gaps.get(lane, ()))

    async def between(self, lane: Lane, first: int, last: int) -> dict[int, bytes | None]:
        """By offset, both ends included; None where the row is older than the chain."""
        with translated():
            found = await self._connection.fetch(query("digests"), *lane, first, last)
        return {row["offset"]: row["record_sha256"] for row in found}


@asynccontextmanager
async def open_digests(dsn: str) -> AsyncIterator[Digests]:
    """Over one connection of its own."""
    async with connected(dsn) as connection:
        with translated(dsn):
            heads = await connection.fetch(query("lane_heads"))
            gone = await connection.fetch(query("dropped"))
        positions = {(row["topic"], row["partition"]): row["next_offset"] for row in heads}
        # Whether the statements are signed is for the walk to say.
        gaps = gaps_of([(row["statement"], row["signature"]) for row in gone], None)
        yield Digests(connection, positions, gaps)
