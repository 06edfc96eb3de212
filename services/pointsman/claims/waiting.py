"""Wraps a handler of single records so that it gets large values: waits for the store and for memory.

Invariants:
- The values in memory fit `ROOM_BYTES` in total; a larger one is held alone.
- While the store is unavailable, jobs with large values wait; others go on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from pointsman.bus.codec.claimed import claim_of
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

_T = TypeVar("_T")

Handler = Callable[[Incoming], Awaitable[list[Outgoing]]]

#: Fetched values held in memory at once, bytes.
ROOM_BYTES = 128 * 1024 * 1024
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
#: Seconds between two log entries, as every waiting job would log the same.
_SAY_AGAIN_S = 10.0


class Waiting:
    """Gives the handler records with their values, and stores the large values of its results."""

    def __init__(self, handler: Handler, claim_check: ClaimCheck, room: int = ROOM_BYTES) -> None:
        self._handler = handler
        self._claim_check = claim_check
        self._room = Room(room)
        self._said_at = float("-inf")

    async def __call__(self, record: Incoming) -> list[Outgoing]:
        """Return the handler's results for the record."""
        claim = claim_of(record)
        if claim is None:
            return await self._deposited(await self._handler(record))
        async with self._room.reserved(claim.bytes):
            (whole,) = await self._patiently(lambda: self._claim_check.fetch([record]))
            return await self._deposited(await self._handler(whole))

    async def _deposited(self, made: list[Outgoing]) -> list[Outgoing]:
        return await self._patiently(lambda: self._claim_check.deposit(made))

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await ask()
            except ClaimsUnavailableError as error:
                if time.monotonic() - self._said_at > _SAY_AGAIN_S:
                    self._said_at = time.monotonic()
                    event(log, logging.WARNING, Event.CLAIMS_UNAVAILABLE, error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


class Room:
    """A number of bytes, reserved in order of request, so that small values cannot starve a large one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Reserve `size` bytes, at most all, for the duration of the block."""
        size = min(size, self._size)
        async with self._turn:
            while self._free < size:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._freed.set()
