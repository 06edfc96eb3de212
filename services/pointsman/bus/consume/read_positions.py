"""A reader's position in each of its partitions: the store's, moved past records that retention deleted.

Invariants:
- A position belongs to a topic id of a cluster: another topic of the same name is not read until the store
  has begun a chapter for it.
- Records deleted before they were read are reported to the store before any later record is stored.
"""

import logging
import time
from collections.abc import Mapping, Set

from aiokafka import TopicPartition

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.admin.topic_seed import TopicMark, topic_mark
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.group_member import GroupMember
from pointsman.bus.consume.lost import report_lost
from pointsman.bus.consume.position_store import MovedError, Store, TopicsChangedError
from pointsman.bus.partition import EARLIEST, Partition
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: Until the positions of partitions that cannot be read are looked up again, seconds.
_RECHECK_S = 5.0


class ReadPositions:
    """`next`: by partition, the offset that the store expects next; None if it has none of it yet.

    `unknown`: partitions whose position must be looked up before they are read. `changed`: topics that are
    not read, because they were recreated or are another cluster's. `read_by`: see `Reader`.
    """

    def __init__(self, store: Store, group: str, read_by: Mapping[str, str]) -> None:
        self._store = store
        self._group = group
        self._read_by = read_by
        self.next: dict[Partition, int | None] = {}
        self.unknown: set[TopicPartition] = set()
        self.changed: Set[str] = frozenset()
        #: Partitions that cannot be read now, and when they are looked up again.
        self._unreadable: set[TopicPartition] = set()
        self._recheck_at = 0.0

    def assigned(self, owned: set[TopicPartition]) -> None:
        """Own these partitions only, and look up all their positions again."""
        self.next = {}
        self._unreadable, self.changed = set(), frozenset()
        self.unknown = set(owned)

    def advance(self, positions: Mapping[Partition, int]) -> dict[Partition, int]:
        """Move to these positions of the store; returns those of partitions that are still ours."""
        ours = {place: offset for place, offset in positions.items() if place in self.next}
        self.next |= ours
        return ours

    def mark_unknown(self, places: Set[Partition]) -> None:
        """Ask the store again for the positions of these partitions, if they are still ours."""
        self.unknown |= {TopicPartition(*place) for place in places if place in self.next}

    def recheck(self, fetcher: Fetcher) -> None:
        """Mark as unknown: partitions that are no longer fetched, and at times those that were unreadable."""
        for place in [place for place in self.next if fetcher.halted(TopicPartition(*place))]:
            del self.next[place]
            self.unknown.add(TopicPartition(*place))
        if self._unreadable and time.monotonic() >= self._recheck_at:
            self.unknown |= self._unreadable

    async def look_up(self, member: GroupMember) -> Mapping[Partition, int]:
        """Look up the unknown positions in the store, and fetch from there; returns those that it has.

        Returns {} if the assignment or the store changed meanwhile; then call it again.

        Raises:
            UnavailableError, KafkaError: the look-up failed.
        """
        partitions, fetcher = self.unknown, member.fetcher
        await fetcher.set_topics({topic for topic, _ in self.next} | {tp.topic for tp in partitions})
        ids = {tp.topic: fetcher.ids[tp.topic] for tp in partitions if tp.topic in fetcher.ids}
        existing: list[Partition] = [(tp.topic, tp.partition) for tp in partitions if tp.topic in ids]
        try:
            positions = await self._store.positions(existing, ids)
            if partitions is not self.unknown:
                return {}  # there was a rebalance meanwhile
            first = await fetcher.partitions.offsets(dict.fromkeys(existing, EARLIEST))
            if partitions is not self.unknown:
                return {}
            positions = await self._record_losses(positions, first)
        except MovedError:
            return {}
        except TopicsChangedError as error:
            if partitions is self.unknown:
                self._report_changed(error.topics)
                self._mark_unreadable({tp for tp in partitions if tp.topic in error.topics})
            return {}
        marks = {topic: await self._mark_of(member, topic, id) for topic, id in ids.items()}
        if partitions is not self.unknown:
            return {}
        for place in existing:
            self.next[place] = positions.get(place)
            fetcher.seek(TopicPartition(*place), positions.get(place, first[place]), marks[place[0]])
        self.unknown, self._unreadable = set(), self._unreadable - partitions
        self.changed -= ids.keys()
        if len(existing) < len(partitions):  # deleted: the group revokes it later, or it is recreated
            self._mark_unreadable({tp for tp in partitions if tp.topic not in ids})
        fetcher.forget_others(TopicPartition(*place) for place in self.next)
        return positions

    async def _record_losses(
        self, positions: Mapping[Partition, int], first: Mapping[Partition, int]
    ) -> dict[Partition, int]:
        """The positions, moved to the `first` offsets where records before those were deleted unread."""
        moved = dict(positions)
        for place, position in positions.items():
            if position < first[place]:
                await self._store.record_loss(place, position, first[place])
                report_lost(self._group, place, position, first[place])
                moved[place] = first[place]
        return moved

    def _report_changed(self, topics: Set[str]) -> None:
        for topic in sorted(topics - self.changed):
            event(log, logging.ERROR, Event.TOPIC_CHANGED, topic=topic)
        self.changed |= topics

    def _mark_unreadable(self, tps: set[TopicPartition]) -> None:
        self._unreadable |= tps
        self.unknown -= tps
        self._recheck_at = time.monotonic() + _RECHECK_S

    async def _mark_of(self, member: GroupMember, topic: str, id: TopicId) -> TopicMark:
        group = self._read_by.get(topic)
        if group is None:
            return TopicMark(id.topic, by_name=True)
        return await topic_mark(member.admin, group, topic, id.topic)
