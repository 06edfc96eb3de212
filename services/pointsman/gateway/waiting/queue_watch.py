"""Polls the queues, but only while a request has been waiting for some seconds."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from pointsman.bus.admin.lag import lanes
from pointsman.bus.admin.topic_progress import ProgressReader, progress_reader
from pointsman.bus.errors import BusError, line_of
from pointsman.gateway.replies import JobReplies
from pointsman.gateway.waiting.queues import Queues
from pointsman.runtime.background import background
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

_EVERY_S = 2.0


class QueueWatch:
    """Keeps `queues` up to date. `tiers`: returns the tiers to poll."""

    def __init__(
        self, settings: KafkaPart, topics: Topics, replies: JobReplies, tiers: Callable[[], Sequence[str]]
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._replies = replies
        self._tiers = tiers
        self.queues = Queues()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Poll while inside."""
        return background(self._run(), "queues")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            if not self._is_waited:
                continue
            try:
                async with progress_reader(self._settings) as reader:
                    while self._is_waited:
                        await self._look(reader)
                        await asyncio.sleep(_EVERY_S)
            except BusError as error:
                event(log, logging.WARNING, Event.QUEUES_NOT_SEEN, error=line_of(error))

    @property
    def _is_waited(self) -> bool:
        return self._replies.waits_since(time.monotonic() - _EVERY_S)

    async def _look(self, reader: ProgressReader) -> None:
        watched = lanes(self._topics, self._tiers())
        progress = await reader.read(watched)
        now, queues = time.monotonic(), self.queues
        queues.take(now, {target.tier: progress[target.topic] for target in watched})
        self._replies.mark(queues.marks())
