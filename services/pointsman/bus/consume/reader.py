"""Reads every audited topic into the store; the audit has this in place of lanes.

Invariants:
- Positions are in Postgres, with the records. A partition is read from its position there, never from the
  group's offsets; those are committed too, but only for monitoring of lag.
- The store moves a position only from the value the reader expects. If it differs, another reader was faster:
  nothing is stored, and the position is read again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence, Set

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.group_member import GroupMember, group_member, keep_connected
from pointsman.bus.consume.position_store import MovedError, Store, UnavailableError, halved
from pointsman.bus.consume.read_positions import ReadPositions
from pointsman.bus.partition import Partition
from pointsman.bus.settings import LanePart
from pointsman.runtime.background import wait_at_most
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_LAG

log = logging.getLogger(__name__)

#: Nobody waits for the audit: fewer and larger responses cost the broker, the database and us far less.
_GATHER_BYTES = 256 * 1024

_POLL_S = 0.5
#: Stored at a time: so many records, or values of so many bytes and those of one more batch.
_POLL_RECORDS, _POLL_BYTES = 2_000, 8 * 1024 * 1024
#: After so many broken connections in a row a batch is halved; a single record is stored without its value.
_BREAKS, _BREAKS_ALONE = 2, 10
#: For a commit, seconds. The client tries for as long as no broker answers, even when we are told to stop.
_COMMIT_S = 2.0
#: Between two commits, seconds: only the lag that is shown depends on them.
_COMMIT_EVERY_S = 1.0
_STORE_AGAIN_S = 0.5


class Reader:
    """Stores the records of every topic that matches a pattern, each exactly once.

    `read_by`: maps a topic to the group whose lanes derive ids from its records, see `topic_seed`.
    """

    def __init__(
        self,
        settings: LanePart,
        group: str,
        pattern: str,
        store: Store,
        read_by: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._group = group
        self._pattern = pattern
        self._store = store
        self._stopping = asyncio.Event()
        self._positions = ReadPositions(store, group, read_by)
        #: Positions that are stored, and not committed to Kafka yet.
        self._uncommitted: dict[Partition, int] = {}
        self._next_commit = 0.0
        self.ready = False

    @property
    def changed(self) -> Set[str]:
        """Topics that are not read, because they were recreated or are another cluster's."""
        return self._positions.changed

    def stop(self) -> None:
        """Make `run` store what was read, and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Read until stopped; reconnect after a broken connection."""
        await keep_connected(self._stopping, self._connected)

    async def _connected(self) -> None:
        async with group_member(self._settings, self._group, _GATHER_BYTES) as member:
            try:
                await member.join(self.assigned, pattern=self._pattern)
                await self._read(member)
            finally:
                self.ready = False

    async def assigned(self, owned: set[TopicPartition]) -> None:
        """Called after a rebalance. A batch that is being stored is safe: the store compares positions."""
        self._positions.assigned(owned)
        self._uncommitted, self._next_commit = {}, 0.0
        event(log, logging.INFO, Event.PARTITIONS_ASSIGNED, group=self._group, partitions=len(owned))

    async def _read(self, member: GroupMember) -> None:
        positions = self._positions
        for watchdog in member.polls(self._stopping):
            positions.recheck(member.fetcher)
            await self._look_up_positions(member)
            records = await self._gathered(member)
            if records and not positions.unknown:
                await self._take(member, records)
            elif self._uncommitted:
                await self._commit_offsets(member, {})
            await watchdog.look({TopicPartition(*place): next or 0 for place, next in positions.next.items()})
        await self._commit_offsets(member, {})

    async def _look_up_positions(self, member: GroupMember) -> None:
        """Go to the store's positions, in the partitions whose position is unknown."""
        while self._positions.unknown and not self._stopping.is_set():
            try:
                positions = await self._positions.look_up(member)
            except UnavailableError as error:
                await self._wait_for_store(error)
                continue
            # What was stored during the rebalance could not be committed.
            await self._commit_offsets(member, {place: next for place, next in positions.items() if next})
        self.ready = not self._positions.unknown and not self._positions.changed

    async def _gathered(self, member: GroupMember) -> dict[Partition, list[Incoming]]:
        """Return the next records of the assigned partitions."""
        gathered: dict[Partition, list[Incoming]] = {}
        remaining, remaining_bytes = _POLL_RECORDS, _POLL_BYTES
        partitions = [TopicPartition(*place) for place in self._positions.next]
        for tp in await member.gather(partitions, _POLL_S):
            fetch_buffer = member.fetcher.fetch_buffer(tp)
            while fetch_buffer and remaining and remaining_bytes > 0:
                records = fetch_buffer.take(remaining)
                gathered.setdefault((tp.topic, tp.partition), []).extend(records)
                remaining -= len(records)
                remaining_bytes -= sum(len(record.value or b"") for record in records)
        return gathered

    async def _take(self, member: GroupMember, gathered: Mapping[Partition, list[Incoming]]) -> None:
        expected = {place: self._positions.next[place] for place in gathered if place in self._positions.next}
        batches: dict[Partition, list[Incoming]] = {}
        for place, after in expected.items():
            if unread := [record for record in gathered[place] if record.offset >= (after or 0)]:
                batches[place] = unread
        if not batches:
            return
        all_batches, breaks = batches, 0
        ends = {place: _end(member.fetcher, place, records) for place, records in batches.items()}
        while True:
            starts = {place: expected[place] for place in batches}
            try:
                await self._store.append(batches, starts, ends, bare=breaks >= _BREAKS_ALONE)
            except UnavailableError as error:
                breaks = breaks + 1 if error.broke else 0
                if breaks >= _BREAKS and (less := halved(batches)):
                    batches, breaks = less, 0
                    ends = {
                        place: ends[place] if records is all_batches[place] else records[-1].offset + 1
                        for place, records in batches.items()
                    }
                await self._wait_for_store(error)
                if self._stopping.is_set():
                    return
                continue
            except MovedError as error:
                event(log, logging.WARNING, Event.POSITION_MOVED, error=str(error))
                self._positions.mark_unknown(batches.keys())
                return
            break
        stored = self._positions.advance(ends)
        if batches is not all_batches:  # the rest is read again
            self._positions.mark_unknown(all_batches.keys())
        await self._commit_offsets(member, stored)

    async def _commit_offsets(self, member: GroupMember, stored: Mapping[Partition, int]) -> None:
        """Commit `stored` with what could not be committed before; not more often than every second."""
        self._uncommitted |= stored
        offsets = {TopicPartition(*place): next for place, next in self._uncommitted.items()}
        now = time.monotonic()
        if not offsets or (now < self._next_commit and not self._stopping.is_set()):
            return  # none, which the client would refuse; or too soon
        self._next_commit = now + _COMMIT_EVERY_S
        # Only monitoring needs it, so storing does not wait until a commit succeeds.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COMMIT_S):
                with contextlib.suppress(KafkaError, IllegalStateError):
                    await member.consumer.commit(offsets)
            self._uncommitted = {}
        for tp in offsets:
            LANE_LAG.labels(tp.topic, tp.partition).set(member.fetcher.unread(tp))

    async def _wait_for_store(self, error: Exception) -> None:
        self.ready = False
        event(log, logging.WARNING, Event.STORE_UNAVAILABLE, error=str(error))
        await wait_at_most(_STORE_AGAIN_S, self._stopping)


def _end(fetcher: Fetcher, place: Partition, records: Sequence[Incoming]) -> int:
    """The position after these records; after the markers that follow, too: their deletion is no loss."""
    tp = TopicPartition(*place)
    end = records[-1].offset + 1
    return end if fetcher.fetch_buffer(tp) else max(end, fetcher.next_offset(tp))
