"""Publishes chunks of streamed answers: records that may be lost, without waiting.

Invariants:
- `send` never waits. Unacknowledged records are bounded in number and bytes; beyond that records are dropped
  and counted.
- Records of one key stay in order; one may be duplicated when the producer retries.
- It connects at the first record.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.producers import close_producer, start_producer
from pointsman.bus.tcp_check import PATIENCE_S
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import CHUNKS_DROPPED
from pointsman.runtime.settings import KafkaPart

log = logging.getLogger(__name__)

_MOST_RECORDS = 2_000
_MOST_BYTES = 32 * 1024 * 1024
_RECONNECT_S = 1.0


class ChunkPublisher:
    """Use `send` inside `running`."""

    def __init__(self, settings: KafkaPart) -> None:
        self._settings = settings
        self._waiting: deque[Outgoing] = deque()
        self._unanswered: set[asyncio.Future[Any]] = set()
        self._bytes = 0
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def send(self, record: Outgoing) -> bool:
        """Queue the record; return False and drop it if too many are in flight."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="chunks")
        size, under_way = _size(record), len(self._waiting) + len(self._unanswered)
        if under_way >= _MOST_RECORDS or self._bytes + size > _MOST_BYTES:
            CHUNKS_DROPPED.labels("full").inc()
            return False
        self._waiting.append(record)
        self._bytes += size
        self._more.set()
        return True

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """On exit give records in flight a moment to arrive."""
        try:
            yield
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            try:
                await self._publish_all()
            except Exception as error:  # chunks must not fail calls
                event(log, logging.WARNING, Event.CHUNKS_UNAVAILABLE, problem=str(error) or repr(error))
            self._leave_out_waiting()
            await asyncio.sleep(_RECONNECT_S)

    async def _publish_all(self) -> None:
        producer = await start_producer(self._settings, PATIENCE_S, acks=1)
        try:
            while True:
                await self._more.wait()
                while self._waiting:
                    await self._publish(producer, self._waiting.popleft())
                self._more.clear()
        finally:
            await close_producer(producer)

    async def _publish(self, producer: AIOKafkaProducer, record: Outgoing) -> None:
        size = _size(record)
        try:
            answer: asyncio.Future[Any] = await producer.send(
                record.topic, value=record.value, key=record.key, headers=record.headers
            )
        except BaseException as error:
            self._bytes -= size
            CHUNKS_DROPPED.labels("failed").inc()
            if isinstance(error, MessageSizeTooLargeError):
                return  # the next record may fit
            raise
        self._unanswered.add(answer)
        answer.add_done_callback(partial(self._answered, size))

    def _answered(self, size: int, answer: "asyncio.Future[Any]") -> None:
        self._unanswered.discard(answer)
        self._bytes -= size
        if answer.cancelled() or answer.exception() is not None:
            CHUNKS_DROPPED.labels("failed").inc()

    def _leave_out_waiting(self) -> None:
        """Drop the queued chunks: they are outdated once Kafka is available again."""
        CHUNKS_DROPPED.labels("failed").inc(len(self._waiting))
        self._bytes -= sum(map(_size, self._waiting))
        self._waiting.clear()
        self._more.clear()


def _size(record: Outgoing) -> int:
    return len(record.value or b"")
