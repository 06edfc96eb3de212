"""What the wire allows with librdkafka from Python: consume, produce the same bytes, commit; no transaction.

`python -m pointsman.bench.hop.librdkafka BOOTSTRAP SOURCE GROUP TARGET...`
"""

import sys
from collections.abc import Sequence

from confluent_kafka import Consumer, Producer, TopicPartition

_POLL_RECORDS = 4_000


def hop(bootstrap: str, source: str, group: str, targets: Sequence[str]) -> None:
    """Move records from `source` to `targets` in turn, for ever."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 10_000,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "linger.ms": 2,
            "batch.size": 512 * 1024,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer.subscribe([source])
    while True:
        ends: dict[int, int] = {}
        for place, record in enumerate(consumer.consume(_POLL_RECORDS, timeout=0.1)):
            partition, offset = record.partition(), record.offset()
            if record.error() is None and partition is not None and offset is not None:
                ends[partition] = offset + 1
                producer.produce(
                    targets[place % len(targets)], record.value(), record.key(), partition=partition
                )
        if ends:
            producer.flush()
            consumer.commit(
                offsets=[TopicPartition(source, each, end) for each, end in ends.items()], asynchronous=True
            )


if __name__ == "__main__":
    hop(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
