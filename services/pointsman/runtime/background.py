"""Background tasks as context managers, and their pauses."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure

log = logging.getLogger(__name__)


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], name: str) -> AsyncGenerator[None, None]:
    """Run `work` as a task during the block. At the end it is cancelled, and awaited until it has ended.

    If it fails before, that is logged; the block goes on without it.
    """
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def wait_at_most(seconds: float | None, happened: asyncio.Event) -> None:
    """Return when `happened` is set, or after so many seconds; None: no limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await happened.wait()


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        failure(log, Event.TASK_FAILED, error, task=task.get_name())
