"""Measure a hop on a full intake: messages per second, and processor time of the hop and of the broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pointsman.bench.system import Stopwatch
from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.runtime.settings import KafkaPart

_LOOK_S = 0.02
_GIVE_UP_S = 300
_REQUEST_WITHIN_S = 40


@dataclass(frozen=True, slots=True)
class Hop:
    """One measurement, in messages per second and in processor microseconds per message."""

    messages: int
    per_second: float
    client_us: float
    broker_us: float


class TooFewError(Exception):
    """All messages were processed before the measurement began."""

    def __init__(self, messages: int) -> None:
        super().__init__(
            f"{messages:,} messages were through before they could be measured; give more with --messages"
        )


async def measure(kafka: KafkaPart, group: str, messages: int, hop: int, broker: int) -> Hop:
    """Measure from the group's first commit to its last, while it processes `messages` waiting records.

    `hop` and `broker` are the ids of the processes whose processor time is measured.

    Raises:
        TimeoutError: the hop does not finish in time.
        TooFewError: all records were committed at the first look.
    """
    async with committed_by(kafka, group) as committed, asyncio.timeout(_GIVE_UP_S):
        first = await at_least(1, committed)
        if first >= messages:
            raise TooFewError(messages)
        watch = Stopwatch({"hop": hop, "broker": broker})
        await at_least(messages, committed)
    seconds, used = watch.stop()
    count = messages - first
    return Hop(messages, count / seconds, used["hop"] / count * 1e6, used["broker"] / count * 1e6)


Committed = Callable[[], Awaitable[int]]


@asynccontextmanager
async def committed_by(kafka: KafkaPart, group: str) -> AsyncIterator[Committed]:
    """Yield a function that returns how many records the group has committed, over all partitions."""
    async with connection.connected_admin(kafka, _REQUEST_WITHIN_S) as admin:

        async def committed() -> int:
            return sum(offset for offset, _ in (await committed_offsets(admin, group)).values())

        yield committed


async def at_least(count: int, committed: Committed) -> int:
    """Wait until at least `count` records are committed. Returns the number that are."""
    while True:
        done = await committed()
        if done >= count:
            return done
        await asyncio.sleep(_LOOK_S)
