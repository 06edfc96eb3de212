"""A background task that fails is in the log."""

import asyncio

import pytest

from pointsman.runtime.background import background
from pointsman.runtime.log_events import Event


async def test_a_failed_task_is_logged_and_the_block_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    failed = asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise ValueError("no such key")

    async with background(fail(), "checkpoints"):
        await failed.wait()
    (record,) = caplog.records
    assert record.getMessage() == Event.TASK_FAILED
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "no such key"


async def test_a_cancelled_task_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with background(asyncio.Event().wait(), "waiting"):  # type: ignore[arg-type]  # its value is not used
        await asyncio.sleep(0)
    assert not caplog.records
