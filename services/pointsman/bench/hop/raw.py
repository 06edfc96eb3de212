"""The limit set by the wire with aiokafka: batches built by hand, no decoding, no transaction.

`python -m pointsman.bench.hop.raw BOOTSTRAP SOURCE GROUP TARGET...` is the do-nothing hop: consume, produce
the same bytes, commit. Two polls overlap: the next one is read while the acknowledgements of the last are
awaited.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from pointsman.bus import connection
from pointsman.dev.servers.kafka import loopback
from pointsman.runtime.settings import KafkaPart

_BATCH_BYTES = 512 * 1024
_POLL_RECORDS = 4_000
_PARTITION_BYTES = 4 * 1024 * 1024
_PORTION = 300

#: Batches in flight before their acknowledgements are awaited.
_UNSETTLED = 64

Sent = list["asyncio.Future[Any]"]
#: Key, value and headers.
Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
_NO_HEADERS: list[tuple[str, bytes]] = []


async def fill(
    kafka: KafkaPart, topic: str, partitions: int, records: Iterable[Record], portion: int = _PORTION
) -> None:
    """Write the records as fast as possible, `portion` of them to each partition in turn."""
    left = iter(records)
    sender = _producer(kafka)
    await sender.start()
    sent: Sent = []
    try:
        for place in itertools.count():
            batch = list(itertools.islice(left, portion))
            if not batch:
                break
            sent += await _send(sender, topic, place % partitions, batch)
            if len(sent) > _UNSETTLED:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
    finally:
        await sender.stop()


async def hop(kafka: KafkaPart, source: str, group: str, targets: Sequence[str]) -> None:
    """Move records from `source` to the `targets` in turn, until cancelled."""
    consumer = connection.consumer(
        kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_PARTITION_BYTES,
    )
    consumer.subscribe([source])
    sender = _producer(kafka)
    await consumer.start()
    await sender.start()
    settling: asyncio.Task[None] | None = None
    try:
        while True:
            polled = await consumer.getmany(timeout_ms=100, max_records=_POLL_RECORDS)
            sent: Sent = []
            for tp, records in polled.items():
                for place, target in enumerate(targets):
                    mine = [
                        (record.key, record.value, _NO_HEADERS) for record in records[place :: len(targets)]
                    ]
                    sent += await _send(sender, target, tp.partition, mine)
            if settling is not None:
                await settling
            ends = {tp: records[-1].offset + 1 for tp, records in polled.items()}
            settling = asyncio.create_task(_settle(consumer, sent, ends))
    finally:
        await sender.stop()
        await consumer.stop()


async def _settle(consumer: AIOKafkaConsumer, sent: Sent, ends: Mapping[TopicPartition, int]) -> None:
    await asyncio.gather(*sent)
    if ends:
        await consumer.commit(ends)


async def _send(sender: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Record]) -> Sent:
    sent: Sent = []
    batch = sender.create_batch()
    for key, value, headers in records:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            sent.append(await sender.send_batch(batch, topic, partition=partition))
            batch = sender.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    if batch.record_count():
        sent.append(await sender.send_batch(batch, topic, partition=partition))
    return sent


def _producer(kafka: KafkaPart) -> AIOKafkaProducer:
    return connection.producer(
        kafka,
        acks="all",
        compression_type="zstd",
        max_batch_size=_BATCH_BYTES,
        max_request_size=2 * _BATCH_BYTES,
    )


if __name__ == "__main__":
    uvloop.run(hop(loopback(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
