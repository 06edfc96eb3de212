"""Several services in one process: one event loop, one port, one memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pointsman.bus.host import Service
from pointsman.runtime.logging import bound


def together(services: Sequence[Service]) -> Service:
    """Combine services that start, become ready and stop as one; if one fails, all end.

    One at most has a `web`. Each keeps its consumer group, and its log lines name it. To share transactions,
    build them with the same `SharedTransactions`.
    """

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            for service in services:
                with bound(service=service.name):
                    tasks.create_task(service.run(), name=service.name)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in services:
                with bound(service=service.name):
                    await stack.enter_async_context(service.resources())
            yield

    def stop() -> None:
        for service in services:
            service.stop()

    def drain() -> None:
        for service in services:
            service.drain()

    def not_ready() -> str | None:
        missing = ((service.name, service.not_ready()) for service in services)
        return "; ".join(f"{name}: {problem}" for name, problem in missing if problem is not None) or None

    first = services[0]
    return Service(
        name="+".join(service.name for service in services),
        settings=first.settings,
        topics=sorted({topic for service in services for topic in service.topics}),
        run=run,
        stop=stop,
        not_ready=not_ready,
        resources=resources,
        web=next((service.web for service in services if service.web is not None), None),
        drain=drain,
    )
