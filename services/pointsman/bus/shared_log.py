"""A partition that every process reads in full and writes to: no group, nothing is committed."""

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pointsman.bus.decode import Malformed, decode
from pointsman.bus.emit import emit
from pointsman.bus.errors import BusError
from pointsman.bus.poll import StalledError, Watchdog, incoming
from pointsman.bus.publisher import Publisher
from pointsman.bus.settings import LanePart
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.logging import event
from pointsman_schemas.base import Message
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topic

log = logging.getLogger(__name__)

_POLL_MS = 1_000
_POLL_RECORDS = 2_000
#: How long an append may be without an answer, seconds; it is written again then.
_APPEND_S = 5.0
_CLOSE_S = 10.0

#: Offset, broker time in milliseconds since 1970, message.
Read = tuple[int, int, Message]


class SharedLog:
    """A connection to the topic's only partition; after an error make a new one.

    Entering, reading and appending raise BusError: no broker, or it refuses.
    """

    def __init__(self, settings: LanePart, topic: Topic, source: str, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._topic = topic
        self._source = source
        self._clock = clock
        self._place = TopicPartition(topic.name, 0)
        self._publisher = Publisher(settings.kafka)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            client_id=source.replace("/", "-"),
            enable_auto_commit=False,
            auto_offset_reset="none",
            retry_backoff_ms=50,
            request_timeout_ms=settings.request_timeout_ms,
        )
        #: The next offset that is read.
        self.position = 0

    async def __aenter__(self) -> Self:
        try:
            await self._publisher.__aenter__()
            await self._consumer.start()
        except BaseException as error:
            await self._close()
            if isinstance(error, KafkaError | OSError):
                raise BusError(f"{self._topic.name} cannot be read: {error}") from error
            raise
        self._consumer.assign([self._place])
        stall_s = self._settings.stall_timeout_ms / 1000
        self._watchdog = Watchdog(self._consumer, stall_s, self._consumer.position)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def bounds(self) -> tuple[int, int]:
        """The first offset that is there, and the one after the last."""
        try:
            first = await self._consumer.beginning_offsets([self._place])
            end = await self._consumer.end_offsets([self._place])
        except (KafkaError, TimeoutError) as error:
            raise BusError(f"{self._topic.name} cannot be read: {error!r}") from error
        return int(first[self._place]), int(end[self._place])

    def seek(self, offset: int) -> None:
        """Read on from there."""
        self._consumer.seek(self._place, offset)
        self.position = offset

    async def read(self) -> list[Read]:
        """What comes next, in order; nothing when nothing came for a second.

        A record that is not understood is left out: everybody leaves it out.
        """
        try:
            found = await self._consumer.getmany(self._place, timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
            records = [incoming(each) for each in found.get(self._place, ())]
            if records:
                self.position = records[-1].offset + 1
            await self._watchdog.look({self._place: self.position})
        except (KafkaError, StalledError) as error:
            raise BusError(f"{self._topic.name} cannot be read: {error!r}") from error
        understood = []
        for record in records:
            match decode(record):
                case Malformed(reason=reason, message=said):
                    event(log, logging.WARNING, "not understood", at=record.offset, reason=reason, said=said)
                case decoded:
                    understood.append((record.offset, record.timestamp_ms, decoded.message))
        return understood

    async def append(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Write messages, each under its key, in order; a BusError leaves open whether they are there."""
        now = self._clock()
        covers = [
            Envelope(uuid7(now), self._source, message.TYPE, now, self._source) for _, message in messages
        ]
        records = [
            emit(self._topic, key.encode(), cover, message)
            for cover, (key, message) in zip(covers, messages, strict=True)
        ]
        await self._publisher.publish(records, within=_APPEND_S)

    async def _close(self) -> None:
        # Each in a task of its own: neither must keep the other from being closed, nor take too long.
        closing = [self._consumer.stop(), self._publisher.__aexit__(None, None, None)]
        await asyncio.wait(list(map(asyncio.ensure_future, closing)), timeout=_CLOSE_S)
