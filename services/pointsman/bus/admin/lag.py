"""Measures how many messages wait in each lane, and the age of the oldest.

Offsets are not enough: transaction markers take offsets too, and a worker finishes jobs beyond its committed
offset. So the records between the committed offset and the end are read, up to a bound.
"""

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.partition import EARLIEST, LATEST, Partition
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.tcp_check import PATIENCE_S, await_server
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

#: Longer spans are not counted: their first unfinished record gives the age, and offsets bound the number.
COUNTED = 200


class Span:
    """Offsets [start, end), of which `finished` are done. `see` must be called for its records in order."""

    def __init__(self, start: int, end: int, finished: Set[int]) -> None:
        self.start = start
        self.end = end
        self._finished = finished
        self._seen = 0
        self._at = start
        #: Timestamp of the oldest unfinished record, in milliseconds since 1970.
        self.oldest_ms: int | None = None

    @property
    def settled(self) -> bool:
        """Whether further records would not change the result."""
        return self._at >= self.end or (self.oldest_ms is not None and self.end - self.start > COUNTED)

    @property
    def exact(self) -> bool:
        """Whether `waiting` is exact; otherwise it is an upper bound."""
        return self._at >= self.end

    @property
    def waiting(self) -> int:
        """The number of unfinished records: those seen, plus the unfinished offsets not reached yet."""
        remaining = range(self._at, self.end)
        return self._seen + len(remaining) - sum(offset in remaining for offset in self._finished)

    def see(self, offset: int, timestamp_ms: int) -> None:
        """Note a record. Skipped offsets hold no record: markers, aborted or compacted records."""
        self._at = min(offset + 1, self.end)
        if offset < self.end and offset not in self._finished:
            self._seen += 1
            if self.oldest_ms is None:
                self.oldest_ms = timestamp_ms

    def finish(self) -> None:
        """Note that there are no further records before the end."""
        self._at = self.end


#: Time limit for reading the records between committed offset and end, in seconds.
_LOOK_S = 5.0
_POLL_S = 0.1
_PORTION = 500


@dataclass(frozen=True, slots=True)
class WatchedTopic:
    """A topic and its consumer group. `tier`: if it is a tier's topic."""

    topic: str
    group: str
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """`waiting`: unfinished records, an upper bound unless `exact`. `oldest_s`: null if none waits.

    `committed`: null if the group has committed nothing yet; then all records wait.
    """

    partition: int
    end: int
    committed: int | None
    waiting: int
    exact: bool
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class LaneLag:
    """The lag of one topic, summed over its partitions."""

    topic: str
    group: str
    tier: str | None
    partitions: tuple[PartitionLag, ...]

    @property
    def waiting(self) -> int:
        """The number of unfinished records."""
        return sum(partition.waiting for partition in self.partitions)

    @property
    def exact(self) -> bool:
        """Whether `waiting` is exact, not an upper bound."""
        return all(partition.exact for partition in self.partitions)

    @property
    def oldest_s(self) -> float | None:
        """The age of the oldest unfinished record in seconds."""
        return max(
            (partition.oldest_s for partition in self.partitions if partition.oldest_s is not None),
            default=None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON."""
        return {**asdict(self), "waiting": self.waiting, "exact": self.exact, "oldest_s": self.oldest_s}


def lanes(topics: Topics, tiers: Iterable[str]) -> list[WatchedTopic]:
    """Return the topics that jobs pass through: the intake, then each tier's."""
    return [
        WatchedTopic(topics.intake.name, f"{topics.prefix}.router"),
        *(WatchedTopic(topics.tier(tier).name, f"{topics.prefix}.worker.{tier}", tier) for tier in tiers),
    ]


async def lag(settings: KafkaPart, watched: Sequence[WatchedTopic]) -> list[LaneLag]:
    """Return the lag of each topic, in the same order.

    Raises:
        KafkaUnavailableError, TopicMissingError, BusError: the lag could not be measured.
    """
    await await_server(settings)
    try:
        async with connection.connected_admin(settings, PATIENCE_S) as admin:
            groups = {target.group for target in watched}
            committed = {group: await committed_offsets(admin, group, within=PATIENCE_S) for group in groups}
        return await _measure(settings, watched, committed)
    except KafkaError as error:
        raise KafkaUnavailableError(settings.kafka, PATIENCE_S, repr(error)) from error


async def _measure(
    settings: KafkaPart,
    watched: Sequence[WatchedTopic],
    committed: Mapping[str, Mapping[Partition, tuple[int, str]]],
) -> list[LaneLag]:
    fetcher = Fetcher(settings, "pointsman-lag", request_timeout_ms=int(PATIENCE_S * 1000))
    partitions = fetcher.partitions
    try:
        await fetcher.start()
        places = await partitions.all({target.topic for target in watched})
        await fetcher.set_topics({topic for topic, _ in places})
        first = await partitions.offsets(dict.fromkeys(places, EARLIEST))
        end = await partitions.offsets(dict.fromkeys(places, LATEST))
        lags = []
        for lane in watched:
            done = committed[lane.group]
            spans = {
                place: span_of(first[place], end[place], done.get(place))
                for place in sorted(places)
                if place[0] == lane.topic
            }
            await _look(fetcher, spans)
            lags.append(_summed(lane, spans, done, utc_now().timestamp() * 1000))
        return lags
    finally:
        await fetcher.close()


def span_of(first: int, end: int, done: tuple[int, str] | None) -> Span:
    """Return the span after a commit, `done`: offset and metadata. Records that were deleted are finished."""
    if done is None:
        return Span(first, end, frozenset())
    offset, metadata = done
    return Span(max(first, offset), end, decode_metadata(offset, metadata))


def _summed(
    lane: WatchedTopic,
    spans: Mapping[Partition, Span],
    done: Mapping[Partition, tuple[int, str]],
    now_ms: float,
) -> LaneLag:
    partitions = (
        PartitionLag(
            partition=place[1],
            end=span.end,
            committed=done[place][0] if place in done else None,
            waiting=span.waiting,
            exact=span.exact,
            oldest_s=None if span.oldest_ms is None else max(0.0, (now_ms - span.oldest_ms) / 1000),
        )
        for place, span in spans.items()
    )
    return LaneLag(lane.topic, lane.group, lane.tier, tuple(partitions))


async def _look(fetcher: Fetcher, spans: Mapping[Partition, Span]) -> None:
    open_spans = {TopicPartition(*place): span for place, span in spans.items() if not span.settled}
    for tp, span in open_spans.items():
        fetcher.seek(tp, span.start)
    give_up = time.monotonic() + _LOOK_S
    while open_spans and time.monotonic() < give_up:
        await fetcher.gather(open_spans, _POLL_S)
        for tp, span in [*open_spans.items()]:
            fetch_buffer = fetcher.fetch_buffer(tp)
            for record in fetch_buffer.take(_PORTION):
                span.see(record.offset, record.timestamp_ms)
            if not fetch_buffer and fetcher.next_offset(tp) >= span.end:
                span.finish()
            if span.settled:
                del open_spans[tp]
                fetcher.forget(tp)
