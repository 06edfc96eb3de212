"""Where a lane's reading begins that must know what came within a time before its first record."""

import time
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition

_MS = timedelta(milliseconds=1)
#: How far behind a lane may be, tried one after another: mostly it is not behind at all.
_BEHIND = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=15),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=7),
)


async def looked_back(
    consumer: AIOKafkaConsumer, tp: TopicPartition, next_offset: int, span: timedelta
) -> int:
    """An offset before which everything came more than `span` before the record at `next_offset`.

    By the broker's clock: this machine's says only where to try. At the earliest where the partition begins.

    Raises:
        KafkaError: the brokers do not say.
    """
    now_ms = int(time.time() * 1000)
    for behind in _BEHIND:
        since_ms = now_ms - behind // _MS
        if await _offset_at(consumer, tp, since_ms) <= next_offset:
            return min(next_offset, await _offset_at(consumer, tp, since_ms - span // _MS))
    first: int = (await consumer.beginning_offsets([tp]))[tp]
    return first


async def _offset_at(consumer: AIOKafkaConsumer, tp: TopicPartition, at_ms: int) -> int:
    """The first record that came then or later, or the end."""
    there = (await consumer.offsets_for_times({tp: max(0, at_ms)}))[tp]
    if there is not None:
        return int(there.offset)
    end: int = (await consumer.end_offsets([tp]))[tp]
    return end
