"""Reads the stored digest of each record, for comparison with Kafka's records."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from pointsman.store.append.chapters import Chapter, newest_chapters, stored_topic
from pointsman.store.append.lanes import StoredPartition
from pointsman.store.connect import Connection, connected, translated
from pointsman.store.privacy.opening import data_keys
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.privacy.sealing import DataKey, MasterKey
from pointsman.store.sql import query
from pointsman.store.verify.dropped import Gap, gaps_of


class RowDigest(NamedTuple):
    """A row's digest; None if the row is older than the chain. `closed`: its key is not available."""

    digest: bytes | None
    closed: bool
    keyed: Callable[[bytes], bytes] | None

    def is_of(self, record_sha256: bytes) -> bool:
        """Return whether this is the digest of that record."""
        return self.digest == (self.keyed(record_sha256) if self.keyed else record_sha256)


@dataclass(frozen=True, slots=True)
class Digests:
    """The stored digests; all methods raise StoreUnavailableError and StoreError.

    `positions`: the next offset of each lane when the reading began.
    """

    positions: Mapping[StoredPartition, int]
    _connection: Connection
    _gaps: Mapping[StoredPartition, Sequence[Gap]]
    _master: MasterKey | None
    _chapters: Mapping[str, Chapter]

    def lane(self, topic: str, partition: int) -> StoredPartition:
        """Return the lane that stores the newest chapter of a topic's partition."""
        chapter = self._chapters.get(topic)
        return (topic if chapter is None else stored_topic(topic, chapter.number), partition)

    def dropped(self, lane: StoredPartition, offset: int) -> bool:
        return any(gap.first <= offset <= gap.last for gap in self._gaps.get(lane, ()))

    async def between(self, lane: StoredPartition, first: int, last: int) -> dict[int, RowDigest]:
        """Return the digests by offset from `first` to `last`, both included."""
        with translated():
            rows = await self._connection.fetch(query("digests"), *lane, first, last)
            notes = {row["offset"]: Note.read(row["privacy"]) for row in rows if row["privacy"] is not None}
            ids = {note.key for note in notes.values() if note.key is not None}
            keys = await data_keys(self._connection, self._master, ids) if ids else {}
        return {
            row["offset"]: self._kept(row["record_sha256"], notes.get(row["offset"]), keys) for row in rows
        }

    def _kept(self, digest: bytes | None, note: Note | None, keys: Mapping[UUID, DataKey]) -> RowDigest:
        if note is None:
            return RowDigest(digest, False, None)
        key = self._master if note.key is None else keys.get(note.key)
        return RowDigest(digest, True, None) if key is None else RowDigest(digest, False, key.digest)


@asynccontextmanager
async def open_digests(dsn: str, master: MasterKey | None = None) -> AsyncIterator[Digests]:
    """Open the digests on a connection of its own; `master`: for rows that were masked or sealed."""
    async with connected(dsn) as connection:
        with translated(dsn):
            heads = await connection.fetch(query("lane_heads"))
            drop_rows = await connection.fetch(query("dropped"))
            chapters = await newest_chapters(connection)
        positions = {(row["topic"], row["partition"]): row["next_offset"] for row in heads}
        # The signatures of these statements are checked by `verify`.
        gaps = gaps_of([(row["statement"], row["signature"]) for row in drop_rows], None)
        yield Digests(positions, connection, gaps.by_lane, master, chapters)
