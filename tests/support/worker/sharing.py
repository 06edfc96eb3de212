"""Several worker processes simulated in one, each with a connection to the shared topic."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from pointsman.bus.admin.topics import apply
from pointsman.bus.read.shared_log import SharedLog
from pointsman.bus.settings import LanePart
from pointsman.worker.limits.call_limiter import Wait
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.worker.way_in import call_limiter


@dataclass(frozen=True)
class Process:
    """The limits of one process."""

    all: SharedLimits
    rate_limiter: RateLimiter

    async def turn(self, *, want: int = 1, patience_s: float = 20) -> None:
        """A call that takes no time."""
        limits = call_limiter(self.all, self.rate_limiter, patience_s)
        async with limits.acquire(uuid4(), "t", {"rate": want}, Wait()):
            pass


def process_in(shared: SharedLimits, declared: Sequence[LimitDeclared]) -> Process:
    rate_limiter = RateLimiter(shared, declared)
    shared.add(rate_limiter)
    return Process(shared, rate_limiter)


def shared_limits(kafka: Kafka, name: str) -> SharedLimits:
    topic = Topics(kafka.prefix).limits
    return SharedLimits(name, lambda: SharedLog(LanePart(kafka=kafka.bootstrap), topic, "test"))


@asynccontextmanager
async def agreements(kafka: Kafka, *names: str) -> AsyncIterator[list[SharedLimits]]:
    """The shared limits; their topic is created first and each process has read it."""
    await apply(kafka.settings, [Topics(kafka.prefix).limits])
    made = [shared_limits(kafka, name) for name in names]
    async with AsyncExitStack() as running:
        for shared in made:
            await running.enter_async_context(shared.running())
            await shared.joined.wait()
        yield made


@asynccontextmanager
async def processes(
    kafka: Kafka, *names: str, declared: Sequence[LimitDeclared]
) -> AsyncIterator[list[Process]]:
    """The same, each process with a rate limiter."""
    async with agreements(kafka, *names) as joined:
        made = [process_in(name, declared) for name in joined]
        for process in joined:
            await process.written()
        yield made


async def until(condition: Callable[[], object]) -> None:
    """Waits until records of the topic make the condition true."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.005)
