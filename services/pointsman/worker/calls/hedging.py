"""Hedging: a second call while the first is slow; the first answer wins, the other call is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pointsman.worker.calls.answer import Answer, Result
from pointsman.worker.calls.call import Call
from pointsman.worker.limits.errors import NoRoomError, ShutError


@dataclass(frozen=True, slots=True)
class Called:
    """A call and its result."""

    call: Call
    result: Result


Calling = Coroutine[Any, Any, Called]


async def race(
    first: Calling, begun: asyncio.Event, after_s: float, second: Callable[[], Calling | None]
) -> list[Called]:
    """The calls that ended, in that order, up to the first answer; a call that still runs is cancelled.

    `begun` is set when the first call begins; `second` makes the hedge, or None if none may be made.
    """
    tasks = [asyncio.create_task(first)]
    try:
        await _until_late(tasks[0], begun, after_s)
        if not tasks[0].done() and (other := second()) is not None:
            tasks.append(asyncio.create_task(other))
        return await _first_answer(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _until_late(task: "asyncio.Task[Called]", begun: asyncio.Event, after_s: float) -> None:
    beginning = asyncio.create_task(begun.wait())
    try:
        await asyncio.wait({task, beginning}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        beginning.cancel()
    await asyncio.wait({task}, timeout=after_s)


async def _first_answer(tasks: list["asyncio.Task[Called]"]) -> list[Called]:
    ended: list[Called] = []
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not tasks[0] and isinstance(task.exception(), ShutError | NoRoomError):
                continue  # no room for the hedge: the first call goes on alone
            ended.append(task.result())
            if isinstance(ended[-1].result, Answer):
                return ended
    return ended
