"""Load by a bare producer, with results read by a bare consumer: a number outstanding, or a steady rate."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import orjson
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from pointsman.bus import connection
from pointsman.runtime.settings import KafkaPart

#: How long to wait at the end for outstanding jobs, in seconds.
_LATE_S = 30.0
_PROMPT_BYTES = 1_000
_WORDS = [
    "the", "parcel", "was", "handed", "to", "a", "neighbour", "on", "tuesday", "and",
    "the", "invoice", "names", "another", "street", "so", "we", "ask",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """The load: `outstanding` jobs at any time, or `rate` per second; the other field is 0."""

    outstanding: int = 0
    rate: int = 0

    def __str__(self) -> str:
        return f"{self.rate} a second" if self.rate else f"{self.outstanding:,} outstanding"


@dataclass(slots=True)
class LoadSpan:
    """The result of a period of load; `took_ms` holds the milliseconds of each job that ended in it."""

    seconds: float
    took_ms: list[float]
    #: Jobs without a result in time.
    lost: int = 0


class BareLoad:
    """Writes jobs to one topic and reads results from another, matched by key."""

    def __init__(self, kafka: KafkaPart, jobs: str, results: str, body: Callable[[str, str], object]) -> None:
        """Connect. `body` makes a job's value from its id and prompt."""
        self._jobs = jobs
        self._body = body
        self._producer: Producer = connection.librdkafka_producer(kafka, linger_ms=0)
        self._consumer: Consumer = connection.librdkafka_consumer(
            kafka,
            group_id=f"load-{uuid4()}",
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_wait_max_ms=100,
        )
        partitions = self._consumer.list_topics(results, 10).topics[results].partitions
        self._consumer.assign([TopicPartition(results, partition, OFFSET_END) for partition in partitions])
        self._sent: dict[bytes, float] = {}
        self._took_ms: list[float] = []
        self._count = 0
        self._take(2.0)  # until the consumer is at the end

    def close(self) -> None:
        self._consumer.close()

    def run(self, level: Level, seconds: float) -> LoadSpan:
        """Apply the load for `seconds`. Jobs still outstanding then count at a steady rate only."""
        self._took_ms = []
        began = time.perf_counter()
        first = self._count
        while (now := time.perf_counter() - began) < seconds:
            if level.rate:
                while self._count - first < now * level.rate:
                    self._send()
                next_s = (self._count - first) / level.rate - (time.perf_counter() - began)
                wait_s = max(0.0, min(0.02, next_s))
            else:
                while len(self._sent) < level.outstanding:
                    self._send()
                wait_s = 0.005
            self._producer.poll(0)
            self._take(wait_s)
        span = LoadSpan(time.perf_counter() - began, self._took_ms)
        if not level.rate:
            self._took_ms = []
        late = time.perf_counter() + _LATE_S
        while self._sent and time.perf_counter() < late:
            self._producer.poll(0)
            self._take(0.02)
        span.lost = len(self._sent)
        self._sent.clear()
        return span

    def _send(self) -> None:
        id = str(uuid4())
        self._sent[id.encode()] = time.perf_counter()
        self._producer.produce(self._jobs, orjson.dumps(self._body(id, prompt(self._count))), id.encode())
        self._count += 1

    def _take(self, wait_s: float) -> None:
        message = self._consumer.poll(wait_s)
        while message is not None:
            began = None if message.error() else self._sent.pop(message.key() or b"", None)
            if began is not None:
                self._took_ms.append((time.perf_counter() - began) * 1000)
            message = self._consumer.poll(0)


def prompt(number: int) -> str:
    """Return a text of about a kilobyte, different for each number."""
    words, length = [f"Case {number}:"], 0
    while length < _PROMPT_BYTES:
        words.append(_WORDS[(length * length + number) % len(_WORDS)])
        length += len(words[-1]) + 1
    return " ".join(words)
