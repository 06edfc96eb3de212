"""Stores every record of every audited topic as a row of the audit table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pointsman.audit.private import Privacy
from pointsman.audit.records.rows import row_of
from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.codec.decode import broker_time
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.position_store import MovedError, TopicsChangedError, UnavailableError
from pointsman.bus.partition import Offsets, Partition
from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import AUDIT_DELAY, AUDITED, AUDITED_BYTES
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.chapters import stored_topic
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.errors import LaneMovedError, StoreError, StoreUnavailableError
from pointsman.store.privacy.keyring import Sealing
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

#: Producers set the timestamps: one from the year 1 would spoil the sum of all delays.
_LONGEST_DELAY_S = 30 * 24 * 3600.0
_BROKE = f"{Reason.TOO_LARGE}: the connection to Postgres ended each time it was stored"


class Rows:
    """The rows of a batch, made one at a time.

    `lanes`: the name under which Postgres has each partition (see `chapters.py`). `bare`: without values.
    """

    def __init__(
        self,
        batches: Mapping[Partition, Sequence[Incoming]],
        topics: Topics,
        privacy: Privacy | None,
        lanes: Mapping[Partition, StoredPartition],
        *,
        bare: bool = False,
    ) -> None:
        self._batches = batches
        self._lanes = lanes
        self._bare = bare
        self._topics = topics
        self._privacy = privacy
        #: The keys of sealed rows; None without privacy rules.
        self.sealing = None if privacy is None else Sealing(privacy.keyring)

    def __iter__(self) -> Iterator[Row]:
        return (row.without_value(_BROKE) for row in self._rows()) if self._bare else self._rows()

    def _rows(self) -> Iterator[Row]:
        if self.sealing is not None:
            self.sealing.begin()
        for place, records in self._batches.items():
            lane = self._lanes.get(place, place)
            rows = map(self._row, records)
            yield from rows if lane == place else (row._replace(topic=lane[0]) for row in rows)

    def _row(self, record: Incoming) -> Row:
        if self._privacy is None or self.sealing is None:
            return row_of(record, self._topics)
        return self._privacy.row(record, self.sealing)


class Sink:
    """Stores batches for the reader: rows and the lanes' positions in one transaction.

    While Postgres is unavailable, or lacks a migration or a permission, it waits: records stay in Kafka.
    """

    def __init__(
        self, writer: AuditWriter, topics: Topics, clock: Clock, privacy: Privacy | None = None
    ) -> None:
        self._writer = writer
        self._privacy = privacy
        self._topics = topics
        self._clock = clock
        #: The lane of each partition: its topic name differs if the topic was deleted and created again.
        self._lanes: dict[Partition, StoredPartition] = {}

    async def positions(self, places: Sequence[Partition], ids: Mapping[str, TopicId]) -> Offsets:
        """Return the next offset to store of each partition that has one. `ids`: the topics' ids.

        Raises:
            TopicsChangedError: topics with other ids are stored under these names.
            UnavailableError: try again.
        """
        try:
            chapters = await self._writer.chapters(ids)
            changed = {topic for topic, chapter in chapters.items() if chapter.ids != ids[topic]}
            if changed:
                raise TopicsChangedError(changed)
            for place in places:
                number = chapters[place[0]].number if place[0] in chapters else 1
                self._lanes[place] = (stored_topic(place[0], number), place[1])
            stored = await self._writer.positions([self._lanes[place] for place in places])
        except StoreError as error:
            raise UnavailableError(str(error)) from error
        return {place: stored[lane] for place in places if (lane := self._lanes[place]) in stored}

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        """Record that the offsets from `expected` until before `next` were never read, and move past them.

        Raises:
            MovedError, UnavailableError: as `append`.
        """
        with _store_errors():
            await self._writer.record_loss(self._lanes.get(place, place), Move(expected, next))

    async def append(
        self,
        batches: Mapping[Partition, Sequence[Incoming]],
        expected: Mapping[Partition, int | None],
        ends: Mapping[Partition, int],
        *,
        bare: bool = False,
    ) -> None:
        """Store all records of `batches` and move each position from `expected` to its end.

        `bare`: store offsets and digests only, without values.

        Raises:
            MovedError: a position is not at `expected`; nothing was stored.
            UnavailableError: try again with the same arguments.
        """
        days = {broker_time(record).date() for records in batches.values() for record in records}
        moves = {self._lanes.get(place, place): Move(expected[place], ends[place]) for place in batches}
        with _store_errors():
            rows = Rows(batches, self._topics, self._privacy, self._lanes, bare=bare)
            await self._writer.append(rows, moves, days=days, sealing=rows.sealing)
        self._count(batches)

    def _count(self, batches: Mapping[Partition, Sequence[Incoming]]) -> None:
        now = self._clock().timestamp()
        for (topic, _), records in batches.items():
            AUDITED.labels(topic).inc(len(records))
            AUDITED_BYTES.labels(topic).inc(sum(len(record.value or b"") for record in records))
            for record in records:
                AUDIT_DELAY.observe(min(max(0.0, now - record.timestamp_ms / 1000), _LONGEST_DELAY_S))


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except LaneMovedError as error:
        raise MovedError(str(error)) from error
    except StoreUnavailableError as error:
        raise UnavailableError(str(error), broke=error.broke) from error
    except StoreError as error:
        raise UnavailableError(str(error)) from error
