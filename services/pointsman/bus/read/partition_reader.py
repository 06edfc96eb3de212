"""Reads the same partition numbers of several topics: those assigned to this process, and others on demand.

A consumer group only assigns the numbers: nothing is committed, and records are read outside of it.

Invariants:
- A partition is read from the end it had when it was requested, so everything written later is seen.
- A number that the group assigns to another process is still read here as long as somebody needs it.
- After a broken connection reading continues where it was; if that record was deleted, or the topic was
  recreated, with the first record there is.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.group_member import GroupMember, group_member, keep_connected
from pointsman.bus.errors import BusError, KafkaUnavailableError
from pointsman.bus.partition import EARLIEST, LATEST, Partition
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

_POLL_S = 0.5
_BATCH = 500
_KEYLESS: "itertools.count[int]" = itertools.count()


class PartitionReader:
    """`topics` have the same number of partitions; the group assigns those of the first.

    `take`: gets every record. `needed`: returns the partition numbers to read even if not assigned to this
    process.
    """

    def __init__(
        self,
        settings: LanePart,
        group: str,
        topics: Sequence[str],
        take: Callable[[Incoming], None],
        needed: Callable[[], Collection[int]],
    ) -> None:
        self._settings = settings
        self._group = group
        self._topics = topics
        self._take = take
        self._needed = needed
        self._given: frozenset[int] = frozenset()
        self._next: dict[Partition, int] = {}
        self._halted: set[Partition] = set()
        self._member: GroupMember | None = None
        self._locating = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._connected = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Why nothing is read now, for `/readyz`."""
        return None if self._connected.is_set() else f"{self._topics[0]} is not read yet"

    @property
    def owned(self) -> frozenset[int]:
        """The partition numbers that are assigned to this process and being read."""
        return frozenset(number for number in self._given if self._is_read(number))

    def number_of(self, key: bytes) -> int:
        """Return the partition number for a key.

        Raises:
            KafkaUnavailableError: there is no connection to Kafka.
        """
        if self._member is None:
            raise self._unavailable()
        count = len(self._member.fetcher.client.cluster.partitions_for_topic(self._topics[0]) or ())
        if not count:
            raise self._unavailable()
        return partition_of(key, count, _KEYLESS)

    async def read_too(self, number: int) -> None:
        """Return when this partition number is being read, from its present end or an earlier offset.

        Raises:
            KafkaUnavailableError: the ends cannot be read.
        """
        if not self._is_read(number):
            try:
                await self._locate([number])
            except (KafkaError, OSError) as error:
                raise self._unavailable() from error

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Read until stopped."""
        await keep_connected(self._stopping, self._read)

    async def _read(self) -> None:
        async with group_member(self._settings, self._group) as member:
            try:
                # Reading does not wait for the group, which may wait for a dead member.
                await member.join(self._assigned, topics=[self._topics[0]], waits=False)
                await member.fetcher.set_topics(self._topics)
                self._member = member
                for place, offset in self._next.items():
                    member.fetcher.seek(TopicPartition(*place), offset)
                for watchdog in member.polls(self._stopping):
                    await self._locate([number for number in self._wanted if not self._is_read(number)])
                    self._connected.set()
                    self._let_go(member, self._wanted)  # asked again, as more may be needed by now
                    partitions = [TopicPartition(*place) for place in self._next]
                    for tp in await member.gather(partitions, _POLL_S):
                        self._take_from(member, tp)
                    await watchdog.look(
                        {TopicPartition(*place): offset for place, offset in self._next.items()}
                    )
            finally:
                self._connected.clear()
                self._member = None

    async def _assigned(self, partitions: set[TopicPartition]) -> None:
        self._given = frozenset(tp.partition for tp in partitions)
        event(
            log,
            logging.INFO,
            Event.PARTITIONS_ASSIGNED,
            group=self._group,
            partitions=sorted(self._given),
        )

    async def _locate(self, numbers: Sequence[int]) -> None:
        """Start reading these numbers at their ends; halted partitions at their first record."""
        if not numbers:
            return
        async with self._locating:
            places = [
                place
                for number in numbers
                for topic in self._topics
                if (place := (topic, number)) not in self._next
            ]
            if not places:
                return
            member = self._member
            if member is None:
                raise self._unavailable()
            times = {place: EARLIEST if place in self._halted else LATEST for place in places}
            starts = await member.fetcher.partitions.offsets(times)
            if member is not self._member:
                raise self._unavailable()  # the next connection does not have them
            for place, start in starts.items():
                self._next[place] = start
                self._halted.discard(place)
                member.fetcher.seek(TopicPartition(*place), start)

    def _take_from(self, member: GroupMember, tp: TopicPartition) -> None:
        place = (tp.topic, tp.partition)
        if place not in self._next:
            return
        fetch_buffer = member.fetcher.fetch_buffer(tp)
        while fetch_buffer:
            for record in fetch_buffer.take(_BATCH):
                self._take(record)
                self._next[place] = record.offset + 1
        self._next[place] = max(self._next[place], member.fetcher.next_offset(tp))
        if member.fetcher.halted(tp):  # its offset was deleted, or the topic was recreated
            del self._next[place]
            self._halted.add(place)
            member.fetcher.forget(tp)

    def _let_go(self, member: GroupMember, needed_partitions: Collection[int]) -> None:
        """Stop reading partitions that are neither assigned nor needed."""
        for place in [place for place in self._next if place[1] not in needed_partitions]:
            del self._next[place]
            member.fetcher.forget(TopicPartition(*place))
        self._halted = {place for place in self._halted if place[1] in needed_partitions}

    @property
    def _wanted(self) -> frozenset[int]:
        return self._given.union(self._needed())

    def _is_read(self, number: int) -> bool:
        return all((topic, number) in self._next for topic in self._topics)

    def _unavailable(self) -> BusError:
        return KafkaUnavailableError(self._settings.kafka, _POLL_S, "no broker answers")
