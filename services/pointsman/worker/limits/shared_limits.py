"""This process's copy of the shared limits: follows the log, and writes to it at short intervals.

Invariants:
- Messages are written once and in order; after an error they are written again, except those that the users
  request anew on the next connection.
- The ledger gets every record in the log's order; then the users do.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from pointsman.bus.errors import BusError
from pointsman.bus.read.shared_log import SharedLog
from pointsman.limits.bounds import UnusableError
from pointsman.limits.broker_clock import BrokerClock
from pointsman.limits.joining import STANDING_EVERY, Entry, is_due, join
from pointsman.limits.ledger import Ledger, TicketAnswer
from pointsman.runtime.background import wait_at_most
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import LimitReserved, LimitStanding

log = logging.getLogger(__name__)

#: Messages within so many seconds are written together.
BEAT_S = 0.01
_RECONNECT_S = 0.5
_LAST_WORDS_S = 2.0
#: How many of the records ignored when joining are logged.
_NAMED = 10
_CLOSE_S = 15.0

#: A record's key and its message.
Keyed = tuple[str, Message]


class LimitsUser(Protocol):
    """A part of this process that reads and writes the shared limits."""

    def begin(self) -> Sequence[Keyed]:
        """Return what to write after the state was read anew: at the start, and after a lost connection."""

    def hear(self, message: Message, answers: Sequence[TicketAnswer], at: int) -> Sequence[Keyed]:
        """Handle a record that the ledger has taken; return what to write.

        `answers`: those to this process's tickets. `at`: the record's time.
        """

    def take(self) -> list[Keyed]:
        """Return what to write now."""

    def due_at(self) -> float | None:
        """Return when `take` will have something to write, by the local clock; None: not by time alone."""
        return None


class SharedLimits:
    """`run` must run while calls are made. `process` identifies this process on the log."""

    def __init__(
        self,
        process: str,
        open_log: Callable[[], SharedLog],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.process = process
        self.now = now
        self.ledger = Ledger()
        self.clock = BrokerClock()
        self.joined = asyncio.Event()
        #: Messages that are not written yet.
        self.outbox: list[Keyed] = []
        #: Why the log cannot be read now, for `/readyz`.
        self.problem: str | None = "the shared limits are not read yet"
        self._open_log = open_log
        self._parts: list[LimitsUser] = []
        self._as_of = 0
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._appending = False

    def add(self, part: LimitsUser) -> None:
        """Let `part` read and write the log."""
        self._parts.append(part)
        if self.joined.is_set():
            self.say(*part.begin())

    def say(self, *messages: Keyed) -> None:
        """Write messages with the next batch."""
        if messages:
            self.outbox += messages
            self._wake.set()

    def wake(self) -> None:
        """Ask the parts for messages to write."""
        self._wake.set()

    async def moved(self, within: float | None) -> None:
        """Return when the next record was read, or after `within` seconds."""
        await wait_at_most(within, self._moved)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run while inside; on exit write what is left, unless Kafka is unavailable."""
        task = asyncio.create_task(self.run(), name="limits")
        try:
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self.written()
            task.cancel()
            await asyncio.wait([task], timeout=_CLOSE_S)

    async def run(self) -> None:
        """Read and write the log until cancelled; a broken connection is replaced by a new one."""
        while True:
            # In a task of its own: the client raises CancelledError by itself when the brokers go away.
            connected = asyncio.create_task(self._connected(), name="limits log")
            try:
                await asyncio.wait([connected])
            finally:
                connected.cancel()
                await asyncio.wait([connected], timeout=_CLOSE_S)
            await asyncio.sleep(_RECONNECT_S)

    async def _connected(self) -> None:
        try:
            async with self._open_log() as shared:
                await self._join(shared)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._read(shared))
                    both.create_task(self._write(shared))
        except* BusError as error:
            self.problem = f"the shared limits cannot be read: {error.exceptions[0]}"
            event(log, logging.WARNING, Event.LIMITS_UNAVAILABLE, error=repr(error))
        except* Exception as error:  # an internal error: no calls meanwhile, and the state is read anew
            self.problem = f"the shared limits cannot be read: {error.exceptions[0]!r}"
            failure(log, Event.LIMITS_FAILED)

    async def written(self) -> None:
        """Return when all messages are in the log."""
        while self.outbox or self._appending or self._wake.is_set():  # noqa: ASYNC110  # at the end only
            await asyncio.sleep(BEAT_S)

    async def _join(self, shared: SharedLog) -> None:
        first, end = await shared.bounds()
        start = max(first, end - 3 * STANDING_EVERY)
        entries = await _all(shared, start, end)
        while (joined := join(entries, whole=start == first)) is None:
            start = first
            entries = await _all(shared, start, end)
        self.ledger, self._as_of = joined.ledger, joined.as_of
        for reason in joined.left_out[-_NAMED:]:
            event(log, logging.WARNING, Event.LIMIT_RECORD_IGNORED, said=reason)
        self.clock = BrokerClock()
        self.clock.saw(self.ledger.at, self.now())
        for part in self._parts:
            self.say(*part.begin())
        self.joined.set()
        self.problem = None
        self._wake.set()

    async def _read(self, shared: SharedLog) -> None:
        while True:
            for entry in await shared.read():
                self._fold(*entry)

    def _fold(self, offset: int, at: int, message: Message) -> None:
        try:
            answers = self.ledger.fold(message, at)
        except UnusableError as error:
            event(log, logging.WARNING, Event.LIMIT_RECORD_IGNORED, said=str(error), offset=offset)
            return
        self.clock.saw(at, self.now())
        ours = [answer for answer in answers if answer.ticket.process == self.process]
        for part in self._parts:
            self.say(*part.hear(message, ours, at))
        if isinstance(message, LimitStanding):
            if message.as_of <= offset:
                self._as_of = max(self._as_of, message.as_of)
        elif getattr(message, "process", "") == self.process and is_due(offset, self._as_of):
            state = self.ledger.standing()
            self.say((self.process, LimitStanding(process=self.process, as_of=offset + 1, state=state)))
        self._moved.set()
        self._moved = asyncio.Event()
        if any(part.due_at() is not None for part in self._parts):
            self._wake.set()

    async def _write(self, shared: SharedLog) -> None:
        while True:
            await wait_at_most(self._idle_s(), self._wake)
            await asyncio.sleep(BEAT_S)
            self._wake.clear()
            self._appending = True
            messages, self.outbox = self.outbox, []
            messages += [message for part in self._parts for message in part.take()]
            try:
                if messages:
                    await shared.append(messages)
            except BusError:  # requests are repeated after `begin`; all else must not be lost
                self.outbox = [keyed for keyed in messages if not isinstance(keyed[1], LimitReserved)]
                raise
            finally:
                self._appending = False

    def _idle_s(self) -> float | None:
        due = [at for part in self._parts if (at := part.due_at()) is not None]
        return max(0.0, min(due) - self.now()) if due else None


async def _all(shared: SharedLog, start: int, end: int) -> list[Entry]:
    shared.seek(start)
    entries: list[Entry] = []
    while shared.position < end:
        entries += await shared.read()
    return entries
