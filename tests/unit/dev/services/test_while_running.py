"""A measurement ends when the measured process ends, and shows its output."""

import asyncio
import sys
from pathlib import Path

import pytest

from pointsman.dev.errors import DevError
from pointsman.dev.services.processes import Process, while_running


def process(folder: Path) -> Process:
    return Process("router", ["no-such-command"], {}, folder / "router.log", "http://127.0.0.1:1")


async def test_a_process_that_ends_ends_the_work(tmp_path: Path) -> None:
    """With a process of another program."""
    ended = process(tmp_path)
    ended.start()
    work = asyncio.Event()
    with pytest.raises(DevError, match=r"(?s)router ended:\n.*no-such-command"):
        await asyncio.wait_for(while_running([ended], work.wait()), 60)


async def test_work_that_ends_first_has_its_result(tmp_path: Path) -> None:
    async def work() -> int:
        return len(sys.argv)

    assert await while_running([process(tmp_path)], work()) == len(sys.argv)
