"""What the wire allows with librdkafka from Python: consume, produce the same bytes, commit; no transaction.

`python -m pointsman.bench.hop.librdkafka BOOTSTRAP SOURCE GROUP TARGET...`
"""

import sys
from collections.abc import Sequence

from confluent_kafka import TopicPartition

from pointsman.bus import connection
from pointsman.dev.servers.kafka import loopback
from pointsman.runtime.settings import KafkaPart

_POLL_RECORDS = 4_000


def hop(kafka: KafkaPart, source: str, group: str, targets: Sequence[str]) -> None:
    """Move records from `source` to `targets` in turn, for ever."""
    consumer = connection.librdkafka_consumer(
        kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        queued_min_messages=10_000,
    )
    producer = connection.librdkafka_producer(
        kafka, acks="all", linger_ms=2, batch_size=512 * 1024, queue_buffering_max_messages=1_000_000
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
                offsets=[TopicPartition(source, place, end) for place, end in ends.items()], asynchronous=True
            )


if __name__ == "__main__":
    hop(loopback(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
