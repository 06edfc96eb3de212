"""How many messages wait in each lane, and how old the oldest of them is.

Offsets alone cannot say: transaction markers take offsets too, and a worker finishes jobs beyond its
committed offset. So what is between the committed offset and the end is looked at, up to a bound.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, KafkaException, TopicPartition

from pointsman.bus import rdkafka
from pointsman.bus.bitmap import decode_metadata
from pointsman.bus.committed import committed_offsets
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.places import EARLIEST, LATEST, Place, all_partitions, offsets
from pointsman.bus.reach import PATIENCE_S, reach
from pointsman.bus.span import Span
from pointsman.runtime.clock import Clock, utc_now
from pointsman_schemas.topics import Topics

#: How long the records between committed and end are looked at, seconds.
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A topic and the group that works on it; `tier` where it is a tier's."""

    topic: str
    group: str
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """`waiting` counts records, and is an upper bound unless `exact`; `oldest_s` is null when none waits.

    `committed` is null where the group has committed nothing yet: then everything waits.
    """

    partition: int
    end: int
    committed: int | None
    waiting: int
    exact: bool
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class LaneLag:
    """The lag of one topic, over all its partitions."""

    topic: str
    group: str
    tier: str | None
    partitions: tuple[PartitionLag, ...]

    @property
    def waiting(self) -> int:
        """Records that are not finished."""
        return sum(each.waiting for each in self.partitions)

    @property
    def exact(self) -> bool:
        """Whether `waiting` is a count, not an upper bound."""
        return all(each.exact for each in self.partitions)

    @property
    def oldest_s(self) -> float | None:
        """Age of the oldest record that is not finished, in seconds."""
        return max((each.oldest_s for each in self.partitions if each.oldest_s is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {**asdict(self), "waiting": self.waiting, "exact": self.exact, "oldest_s": self.oldest_s}


def lanes(topics: Topics, tiers: Iterable[str]) -> list[Watched]:
    """The lanes that jobs pass through: the router's, then each tier's."""
    return [
        Watched(topics.intake.name, f"{topics.prefix}.router"),
        *(Watched(topics.tier(tier).name, f"{topics.prefix}.worker.{tier}", tier) for tier in tiers),
    ]


async def lag(bootstrap: str, watched: Sequence[Watched], *, clock: Clock = utc_now) -> list[LaneLag]:
    """The lag of each, in the same order.

    Raises:
        KafkaUnavailableError, TopicMissingError, BusError: it could not be found out.
    """
    await reach(bootstrap)
    try:
        committed = await _committed(bootstrap, {each.group for each in watched})
        return await asyncio.to_thread(_measure, bootstrap, watched, committed, clock)
    except KafkaError as error:
        raise KafkaUnavailableError(bootstrap, PATIENCE_S, str(error)) from error
    except KafkaException as error:
        raise rdkafka.explain(bootstrap, error, PATIENCE_S) from error


async def _committed(bootstrap: str, groups: set[str]) -> dict[str, dict[Place, tuple[int, str]]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(PATIENCE_S * 1000))
    try:
        await admin.start()
        return {group: await committed_offsets(admin, group, within=PATIENCE_S) for group in groups}
    finally:
        await admin.close()


def _measure(
    bootstrap: str,
    watched: Sequence[Watched],
    committed: Mapping[str, Mapping[Place, tuple[int, str]]],
    clock: Clock,
) -> list[LaneLag]:
    consumer = Consumer(
        rdkafka.settings(
            bootstrap,
            group_id="none",  # the client demands one; who does not subscribe joins no group
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_wait_max_ms=50,
            fetch_message_max_bytes=262_144,
            queued_max_messages_kbytes=4_096,
        )
    )
    try:
        places = all_partitions(consumer, {each.topic for each in watched}, PATIENCE_S)
        first = offsets(consumer, dict.fromkeys(places, EARLIEST), PATIENCE_S)
        end = offsets(consumer, dict.fromkeys(places, LATEST), PATIENCE_S)
        found = []
        for lane in watched:
            done = committed[lane.group]
            spans = {
                place: _span(first[place], end[place], done.get(place))
                for place in sorted(places)
                if place[0] == lane.topic
            }
            _look(consumer, spans)
            found.append(_summed(lane, spans, done, clock().timestamp() * 1000))
        return found
    finally:
        consumer.close()


def _span(first: int, end: int, done: tuple[int, str] | None) -> Span:
    if done is None:
        return Span(first, end, frozenset())
    offset, metadata = done
    return Span(max(first, offset), end, decode_metadata(offset, metadata))


def _summed(
    lane: Watched, spans: Mapping[Place, Span], done: Mapping[Place, tuple[int, str]], now_ms: float
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


def _look(consumer: Consumer, spans: Mapping[Place, Span]) -> None:
    open_spans = {place: span for place, span in spans.items() if not span.settled}
    consumer.assign([TopicPartition(*place, span.start) for place, span in open_spans.items()])
    give_up = time.monotonic() + _LOOK_S
    while open_spans and time.monotonic() < give_up:
        message = consumer.poll(0.1)
        if message is None:
            continue
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None or (topic, partition) not in open_spans:
            continue
        span = open_spans[topic, partition]
        error = message.error()
        if error is None:
            span.see(offset, message.timestamp()[1])
        elif error.code() == rdkafka.PARTITION_END:
            span.finish()
        if span.settled:
            del open_spans[topic, partition]
            consumer.incremental_unassign([TopicPartition(topic, partition)])
    consumer.unassign()
