"""Reads whole topics in every process, not only assigned partitions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from pointsman.bus.codec.decode import Malformed, decode
from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError
from pointsman.bus.partition import Start
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.runtime.background import background
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman_schemas.base import Message
from pointsman_schemas.topic import Topic

log = logging.getLogger(__name__)

_RECONNECT_S = 1.0

M = TypeVar("M", bound=Message)


async def _nothing() -> None: ...


class TopicListener:
    """Calls `take` with every record of `topics` from `start` on, until cancelled.

    No consumer group: each process reads everything. `problem`: why they cannot be read, for `/readyz`.
    `caught_up`: whether every record that existed at the start has been read. `after`: called after each
    read; if it raises, reading is retried later, and `after` with it.
    """

    def __init__(
        self,
        settings: LanePart,
        topics: Sequence[Topic],
        take: Callable[[Incoming], None],
        *,
        start: Start = "beginning",
        after: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._settings = settings
        self._topics = [topic.name for topic in topics]
        self._named = ", ".join(self._topics)
        self._take = take
        self._after = after
        self._next: Start = start
        self.problem: str | None = f"{self._named} is not read yet"
        self.caught_up = asyncio.Event()

    async def catch_up(self) -> None:
        """Take all records that the topics have now.

        Raises:
            BusError: they cannot be read.
        """
        async with self._follower(until_end=True) as follower:
            async for record in follower:
                self._take(record)
            self._next, self.problem = dict(follower.offsets), None
        self.caught_up.set()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Read the topics while inside."""
        return background(self.run(), f"listener {self._named}")

    async def run(self) -> None:
        """Read until cancelled; reconnect after a broken connection."""
        while True:
            try:
                if not self.caught_up.is_set():
                    await self.catch_up()
                await self._connected()
            except BusError as error:
                self.problem = f"{self._named} cannot be read: {error}"
                event(log, logging.WARNING, Event.COMMANDS_UNAVAILABLE, problem=self.problem)
            except Exception as error:  # an internal error: log it, and continue where reading was
                self.problem = f"{self._named} cannot be read: {error!r}"
                failure(log, Event.COMMANDS_FAILED)
            await asyncio.sleep(_RECONNECT_S)

    async def _connected(self) -> None:
        async with self._follower() as follower:
            while True:
                records = await follower.read()
                self.problem = None
                for record in records:
                    self._take(record)
                self._next = dict(follower.offsets)
                await self._after()

    def _follower(self, *, until_end: bool = False) -> Follower:
        return Follower(
            self._settings,
            self._topics,
            start=self._next,
            until_end=until_end,
            stalled_after=self._settings.stall_timeout_ms / 1000,
        )


class MessageListener(TopicListener, Generic[M]):
    """Calls `hear` with every message of these kinds and its record, from `start` on."""

    def __init__(
        self,
        settings: LanePart,
        topic: Topic,
        kinds: tuple[type[M], ...],
        hear: Callable[[M, Incoming], None],
        *,
        start: Start = "beginning",
    ) -> None:
        super().__init__(settings, [topic], self._heard, start=start)
        self._kinds = kinds
        self._hear = hear

    def _heard(self, record: Incoming) -> None:
        decoded = decode(record)
        if isinstance(decoded, Malformed):
            event(
                log,
                logging.WARNING,
                Event.MESSAGE_NOT_UNDERSTOOD,
                reason=decoded.reason,
                problem=decoded.message,
                **record.log_fields,
            )
        elif isinstance(decoded.message, self._kinds):
            try:
                self._hear(decoded.message, record)
            except Exception:  # one message must not stop the others
                failure(log, Event.COMMAND_FAILED, **record.log_fields)
