"""A single partition that every process reads in full and appends to, without a consumer group."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, assert_never

from pointsman.bus.codec.decode import Decoded, Malformed, decode
from pointsman.bus.codec.emit import emit_own
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.runtime.clock import utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman_schemas.base import Message
from pointsman_schemas.topic import Topic

log = logging.getLogger(__name__)

#: Time limit for an append, in seconds; the caller then writes it again.
_APPEND_S = 5.0
_CLOSE_S = 10.0

#: Offset, broker time in milliseconds since 1970, message.
Read = tuple[int, int, Message]


class SharedLog:
    """A connection to the topic's only partition; after an error create a new one.

    Entering, reading and appending raise BusError: no broker answers, or it refuses.
    """

    def __init__(self, settings: LanePart, topic: Topic, source: str) -> None:
        self._topic = topic
        self._source = source
        self._place = (topic.name, 0)
        self._publisher = Publisher(settings)
        self._follower = Follower(
            settings,
            [topic.name],
            start="end",
            isolation="read_uncommitted",
            patience=settings.request_timeout_ms / 1000,
            stalled_after=settings.stall_timeout_ms / 1000,
        )

    @property
    def position(self) -> int:
        """The next offset to read."""
        return self._follower.offsets[self._place]

    async def __aenter__(self) -> Self:
        await self._publisher.__aenter__()
        try:
            await self._follower.__aenter__()
        except BaseException:
            await self._close(self._publisher.__aexit__(None, None, None))
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing one must neither prevent closing the other nor take too long.
        await self._close(
            self._follower.__aexit__(None, None, None), self._publisher.__aexit__(None, None, None)
        )

    async def bounds(self) -> tuple[int, int]:
        """Return the first offset, and the one after the last."""
        return await self._follower.bounds(self._place)

    def seek(self, offset: int) -> None:
        """Continue reading at `offset`."""
        self._follower.seek(self._place, offset)

    async def read(self) -> list[Read]:
        """Return the next messages, in order; none if none came for a moment.

        Records that cannot be decoded are skipped, by every reader alike.
        """
        before = self.position
        records = await self._follower.read()
        if self.position < before:
            raise BusError(f"{self._topic.name} begins anew: it ends before offset {before}")
        understood = []
        for record in records:
            match decoded := decode(record):
                case Malformed(reason=reason, message=problem):
                    event(
                        log,
                        logging.WARNING,
                        Event.MESSAGE_NOT_UNDERSTOOD,
                        topic=record.topic,
                        offset=record.offset,
                        reason=reason,
                        problem=problem,
                    )
                case Decoded(message):
                    understood.append((record.offset, record.timestamp_ms, message))
                case _:
                    assert_never(decoded)
        return understood

    async def append(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Write messages, each under its key, in order. After a BusError they may or may not be written."""
        now = utc_now()
        records = [emit_own(self._topic, key, self._source, message, now) for key, message in messages]
        await self._publisher.publish(records, within=_APPEND_S)

    async def _close(self, *closing: Coroutine[Any, Any, None]) -> None:
        await asyncio.wait(list(map(asyncio.create_task, closing)), timeout=_CLOSE_S)
