"""A reader's position in each of its partitions: from the store, moved past records that retention deleted.

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
from pointsman.bus.places import EARLIEST, Place
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: The pause before partitions that cannot be read are looked up again, in seconds.
_LOOK_AGAIN_S = 5.0


class ReadPositions:
    """`next`: the offset that the store expects next, by partition; None if it has none yet.

    `unknown`: partitions whose position must be looked up before they are read. `changed`: topics that are
    not read, because they were recreated or are another cluster's. `read_by`: see `Reader`.
    """

    def __init__(self, store: Store, group: str, read_by: Mapping[str, str]) -> None:
        self._store = store
        self._group = group
        self._read_by = read_by
        self.next: dict[Place, int | None] = {}
        self.unknown: set[TopicPartition] = set()
        self.changed: Set[str] = frozenset()
        #: Partitions that cannot be read now, and when they are looked up again.
        self._aside: set[TopicPartition] = set()
        self._look_again = 0.0

    def assigned(self, owned: set[TopicPartition]) -> None:
        """Forget all positions, so that they are looked up in the store."""
        self.next = {}
        self._aside, self.changed = set(), frozenset()
        self.unknown = set(owned)

    def moved(self, positions: Mapping[Place, int]) -> dict[Place, int]:
        """Note that the store has everything before these offsets; return those of assigned partitions."""
        ours = {place: offset for place, offset in positions.items() if place in self.next}
        self.next |= ours
        return ours

    def look_up(self, places: Set[Place]) -> None:
        """Look these partitions up again, except those that are no longer assigned."""
        self.unknown |= {TopicPartition(*place) for place in places if place in self.next}

    def review(self, fetcher: Fetcher) -> None:
        """Look up partitions that cannot continue, and from time to time those set aside."""
        for place in [place for place in self.next if fetcher.halted(TopicPartition(*place))]:
            del self.next[place]
            self.unknown.add(TopicPartition(*place))
        if self._aside and time.monotonic() >= self._look_again:
            self.unknown |= self._aside

    async def locate(self, member: GroupMember) -> Mapping[Place, int]:
        """Look up the unknown partitions and seek to their positions; return those that the store has.

        If the assignment or the store changed meanwhile, return nothing; some then stay unknown.

        Raises:
            UnavailableError, KafkaError
        """
        wanted, fetcher = self.unknown, member.fetcher
        await fetcher.know({topic for topic, _ in self.next} | {tp.topic for tp in wanted})
        ids = {tp.topic: fetcher.ids[tp.topic] for tp in wanted if tp.topic in fetcher.ids}
        existing: list[Place] = [(tp.topic, tp.partition) for tp in wanted if tp.topic in ids]
        try:
            positions = await self._store.positions(existing, ids)
            if wanted is not self.unknown:
                return {}  # the assignment changed meanwhile
            first = await fetcher.partitions.offsets(dict.fromkeys(existing, EARLIEST))
            if wanted is not self.unknown:
                return {}
            positions = await self._lose(positions, first)
        except MovedError:
            return {}
        except TopicsChangedError as error:
            if wanted is self.unknown:
                self._say_changed(error.topics)
                self._set_aside({tp for tp in wanted if tp.topic in error.topics})
            return {}
        marks = {topic: await self._mark_of(member, topic, id) for topic, id in ids.items()}
        if wanted is not self.unknown:
            return {}
        for place in existing:
            self.next[place] = positions.get(place)
            fetcher.seek(TopicPartition(*place), positions.get(place, first[place]), marks[place[0]])
        self.unknown, self._aside = set(), self._aside - wanted
        self.changed -= ids.keys()
        if len(existing) < len(wanted):  # deleted topics: a new assignment follows, or they are recreated
            self._set_aside({tp for tp in wanted if tp.topic not in ids})
        fetcher.forget_others(TopicPartition(*place) for place in self.next)
        return positions

    async def _lose(self, positions: Mapping[Place, int], first: Mapping[Place, int]) -> dict[Place, int]:
        """Return where to continue, after deleted records, which are reported to the store."""
        behind = dict(positions)
        for place, position in positions.items():
            if position < (begins := first[place]):
                await self._store.lose(place, position, begins)
                report_lost(self._group, place, position, begins)
                behind[place] = begins
        return behind

    def _say_changed(self, topics: Set[str]) -> None:
        for topic in sorted(topics - self.changed):
            event(log, logging.ERROR, Event.TOPIC_CHANGED, topic=topic)
        self.changed |= topics

    def _set_aside(self, tps: set[TopicPartition]) -> None:
        self._aside |= tps
        self.unknown -= tps
        self._look_again = time.monotonic() + _LOOK_AGAIN_S

    async def _mark_of(self, member: GroupMember, topic: str, id: TopicId) -> TopicMark:
        group = self._read_by.get(topic)
        if group is None:
            return TopicMark(id.topic, by_name=True)
        return await topic_mark(member.admin, group, topic, id.topic)
