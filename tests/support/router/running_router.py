"""A router that runs in the test's own process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.router.app import build
from pointsman.router.settings import RouterSettings


@asynccontextmanager
async def running_router(settings: RouterSettings) -> AsyncIterator[None]:
    """A new router without earlier state: it starts with what is on Kafka."""
    router = build(settings)
    work = asyncio.create_task(router.run())
    try:
        yield
    finally:
        router.stop()
        await work
