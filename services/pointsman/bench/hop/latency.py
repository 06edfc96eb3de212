"""How long a message spends in a hop at a steady rate: published, until a committed reader has it."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from pointsman.bench.hop.messages import records
from pointsman.bus import connection
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

_SENT = re.compile(rb'"sent": ?(\d+)')
_WARM_UP_S = 2.0
_LATE_S = 10.0


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds, over `messages` messages at `per_second` a second (as achieved)."""

    messages: int
    per_second: float
    p50_ms: float
    p99_ms: float
    longest_ms: float


async def delay(kafka: KafkaPart, topics: Topics, tiers: Sequence[str], rate: int, seconds: float) -> Delay:
    """Publish at `rate` a second, each with its time inside; what the first seconds bring does not count.

    Raises:
        TimeoutError: not all came through.
    """
    reader = connection.consumer(kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    reader.subscribe([topics.tier(tier).name for tier in tiers])
    sender = connection.producer(kafka, acks="all")
    await reader.start()
    await sender.start()
    count = int(rate * (_WARM_UP_S + seconds))
    try:
        sending = asyncio.create_task(_send(sender, topics.intake.name, rate, count))
        taken: list[tuple[float, float]] = []
        async with asyncio.timeout(_WARM_UP_S + seconds + _LATE_S):
            while len(taken) < count:
                for batch in (await reader.getmany(timeout_ms=1_000)).values():
                    now = time.time() * 1000
                    taken += [(sent, now - sent) for sent in map(_sent_ms, batch)]
        await sending
        # By number, not by the clock: a sender that is a moment early would else take some away.
        delays = sorted(took for _, took in sorted(taken)[int(rate * _WARM_UP_S) :])
        span = (max(sent for sent, _ in taken) - min(sent for sent, _ in taken)) / 1000
        return Delay(len(delays), count / span, _at(delays, 0.5), _at(delays, 0.99), delays[-1])
    finally:
        await sender.stop()
        await reader.stop()


async def _send(sender: AIOKafkaProducer, topic: str, rate: int, count: int) -> None:
    started = time.time()
    for number, (key, value) in enumerate(records(count)):
        ahead = started + number / rate - time.time()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
        stamp = b'{"metadata": {"sent": %d}, ' % int(time.time() * 1e6)
        await sender.send(topic, stamp + _without_metadata(value)[1:], key)
    await sender.flush()


def _without_metadata(value: bytes) -> bytes:
    return re.sub(rb'"metadata": ?\{[^{}]*\}, ', b"", value)


def _sent_ms(record: object) -> float:
    stamp = _SENT.search(getattr(record, "value"))  # noqa: B009 -- the client's records have no types
    assert stamp is not None
    return int(stamp[1]) / 1000


def _at(sorted_values: Sequence[float], quantile: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * quantile))]
