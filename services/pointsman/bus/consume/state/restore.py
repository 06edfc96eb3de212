"""Restores the state of one partition from its changelog, completely.

A transaction's commit marker reaches each partition separately: the committed offset may be visible before
the changes are. So reading continues until every record written before it began is committed or aborted (see
docs/decisions/0013-state-lane.md).
"""

import logging
import time
from collections.abc import Iterable, Sequence

from aiokafka import TopicPartition

from pointsman.bus.codec.records import Incoming, Unread
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.watchdog import StalledError
from pointsman.bus.errors import BusError
from pointsman.bus.partition import LATEST
from pointsman.bus.read.partitions import Partitions
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import RESTORE_SECONDS

log = logging.getLogger(__name__)

_PORTION = 500
_POLL_S = 0.5


class PartitionsDifferError(BusError):
    """A state lane's topics and its changelog have different numbers of partitions."""

    def __init__(self, counts: dict[str, int]) -> None:
        counted = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
        super().__init__(
            f"topics that share their state need as many partitions: {counted}",
            "add what is missing: pointsman topics apply",
        )


async def restore(settings: LanePart, inputs: Sequence[str], changelog: TopicPartition) -> dict[bytes, bytes]:
    """Return the latest value of each key in a partition of the changelog.

    Raises:
        TopicMissingError, PartitionsDifferError: a topic is missing, or the numbers of partitions differ.
        StalledError: reading makes no progress, as when a transaction does not end.
        KafkaError, OSError: no broker answers.
    """
    started = time.monotonic()
    place, timeout_ms = (changelog.topic, changelog.partition), settings.request_timeout_ms
    fetcher = Fetcher(settings, "pointsman-state", request_timeout_ms=timeout_ms, skips=False)
    # Read up to the high watermark, open transactions included.
    ends = Partitions(fetcher.client, within=timeout_ms / 1000, committed_only=False)
    try:
        await fetcher.start()
        topics = [*inputs, changelog.topic]
        see_alike(topics, [topic for topic, _ in await fetcher.partitions.all(topics)])
        await fetcher.set_topics([changelog.topic])
        fetcher.seek(changelog, await fetcher.partitions.first(place))
        end = (await ends.offsets({place: LATEST}))[place]
        values: dict[bytes, bytes] = {}
        count = 0
        moved = started
        while fetcher.next_offset(changelog) < end or fetcher.fetch_buffer(changelog):
            before = fetcher.next_offset(changelog)
            await fetcher.gather([changelog], _POLL_S)
            while records := fetcher.fetch_buffer(changelog).take(_PORTION):
                apply(values, records)
                count += len(records)
            if halt := fetcher.halted(changelog):
                reason = halt.name.lower().replace("_", " ")
                raise StalledError(f"{place[0]}-{place[1]} changed while it was read: {reason}")
            if fetcher.next_offset(changelog) != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > settings.stall_timeout_ms / 1000:
                raise StalledError(f"{place[0]}-{place[1]} stands at {before}, its end is {end}")
    finally:
        await fetcher.close()
    seconds = time.monotonic() - started
    RESTORE_SECONDS.labels(changelog.topic).observe(seconds)
    event(
        log,
        logging.INFO,
        Event.STATE_RESTORED,
        topic=place[0],
        partition=place[1],
        entries=len(values),
        bytes=sum(len(key) + len(value) for key, value in values.items()),
        records=count,
        seconds=round(seconds, 3),
    )
    return values


def see_alike(topics: Sequence[str], partitions_of: Sequence[str]) -> None:
    """Check that all topics have the same number of partitions.

    `partitions_of`: a topic's name per partition.
    Raises:
        PartitionsDifferError: they have not.
    """
    counts = {topic: partitions_of.count(topic) for topic in topics}
    if len(set(counts.values())) > 1:
        raise PartitionsDifferError(counts)


def apply(values: dict[bytes, bytes], records: Iterable[Incoming]) -> None:
    """Apply records to `values` in order. Records that no state lane can have written are skipped."""
    for record in records:
        if record.key is None or isinstance(record, Unread):
            event(log, logging.ERROR, Event.CHANGE_NOT_UNDERSTOOD, origin=record.origin)
        elif record.value is None:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value
