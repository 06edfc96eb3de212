"""Signs checkpoints of the hash chains at intervals, and writes them to Postgres and Kafka."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import datetime

from pointsman.audit.heads import Heads, HeadsError
from pointsman.audit.settings import AuditSettings
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Head, StoredPartition
from pointsman.store.connect import Pool
from pointsman.store.errors import StoreError
from pointsman.store.verify.marks import add_checkpoint
from pointsman_schemas.control.checkpoints import ChapterMet, CheckpointSigned, LaneHead, OffsetsLost
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

SOURCE = "pointsman/audit"
_LOOK_S = 0.5
#: Checkpoints kept in memory while Kafka is unavailable; older ones are in the database only.
_KEPT = 1_000


def moved(
    heads: Mapping[StoredPartition, Head], signed: Mapping[StoredPartition, Head], checkpoints: str
) -> dict[StoredPartition, Head]:
    """Return the heads for a new checkpoint; none if only checkpoints were stored since the last one."""
    since = {lane: head for lane, head in heads.items() if signed.get(lane) != head}
    return since if any(topic != checkpoints for topic, _ in since) else {}


def added(since: Mapping[StoredPartition, Head], signed: Mapping[StoredPartition, Head]) -> int:
    """Return how many rows a new checkpoint would add to those already signed."""
    return sum(head.rows - signed[lane].rows if lane in signed else head.rows for lane, head in since.items())


def signed(
    key: PrivateKey,
    number: int,
    previous: str | None,
    heads: Mapping[StoredPartition, Head],
    now: datetime,
    *,
    events: Collection[ChapterMet | OffsetsLost] = (),
) -> CheckpointSigned:
    """Sign a checkpoint of `heads`, and of the chapters and lost ranges in `events`."""
    lanes = tuple(
        LaneHead(
            topic=topic,
            partition=partition,
            chained_from=head.chained_from,
            next_offset=head.next_offset,
            rows=head.rows,
            chain=head.chain.hex(),
        )
        for (topic, partition), head in sorted(heads.items())
    )
    in_order = sorted(events, key=lambda message: message.model_dump_json())
    return key.sign(
        CheckpointSigned(
            number=number,
            previous=previous,
            made_at=now,
            lanes=lanes,
            chapters=tuple(message for message in in_order if isinstance(message, ChapterMet)),
            lost=tuple(message for message in in_order if isinstance(message, OffsetsLost)),
            key_id=key.public.id,
        )
    )


class Checkpointer:
    """Makes one process's checkpoints; each covers the lanes that the process has moved since the last one.

    It signs links that it computed itself, never those read from the database.
    """

    def __init__(
        self,
        writer: AuditWriter,
        pool: Pool,
        key: PrivateKey,
        settings: AuditSettings,
        clock: Clock,
        *,
        heads: Heads | None = None,
    ) -> None:
        """`heads`: a second place, outside the database, that keeps checkpoints."""
        self._writer = writer
        self._pool = pool
        self._key = key
        self._topics = settings.topics
        self._kafka = settings
        self._clock = clock
        self._every_s = settings.checkpoint_s
        self._every_rows = settings.checkpoint_rows
        self._signed: dict[StoredPartition, Head] = {}
        self._signed_events: set[ChapterMet | OffsetsLost] = set()
        self._unpublished: list[tuple[CheckpointSigned, bytes]] = []
        self._heads = heads
        self._unkept: list[tuple[CheckpointSigned, bytes]] = []

    async def run(self) -> None:
        """Make checkpoints until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every_s
        while True:
            await asyncio.sleep(min(_LOOK_S, self._every_s))
            since = moved(self._writer.heads, self._signed, self._topics.checkpoints.name)
            if loop.time() >= due or added(since, self._signed) >= self._every_rows:
                due = loop.time() + self._every_s
                await self.make()

    async def make(self) -> None:
        """Make a checkpoint if anything was stored since the last one; failed steps are retried next time."""
        since = moved(self._writer.heads, self._signed, self._topics.checkpoints.name)
        try:
            if since:
                now, events = self._clock(), self._writer.events - self._signed_events
                checkpoint = await add_checkpoint(
                    self._pool,
                    lambda number, previous: signed(self._key, number, previous, since, now, events=events),
                )
                self._signed |= since
                self._signed_events |= events
                for waiting in (self._unpublished, self._unkept):
                    waiting.append(checkpoint)
                    del waiting[:-_KEPT]
                if self._heads is None:
                    self._unkept.clear()
        except StoreError as error:
            event(log, logging.WARNING, Event.CHECKPOINT_DELAYED, error=str(error))
        for place in (self._publish, self._keep):  # if one fails, the other still runs
            try:
                await place()
            except (BusError, HeadsError) as error:
                event(log, logging.WARNING, Event.CHECKPOINT_NOT_COPIED, error=str(error))

    async def _keep(self) -> None:
        while self._unkept and self._heads is not None:
            checkpoint, message = self._unkept[0]
            await self._heads.put(checkpoint.number, message)
            del self._unkept[0]

    async def _publish(self) -> None:
        if not self._unpublished:
            return
        records = [published(self._topics, checkpoint, value) for checkpoint, value in self._unpublished]
        async with Publisher(self._kafka) as publisher:
            await publisher.publish(records)
        self._unpublished.clear()


def published(topics: Topics, checkpoint: CheckpointSigned, value: bytes) -> Outgoing:
    """Return the checkpoint as a record for Kafka."""
    now = checkpoint.made_at
    envelope = Envelope(uuid7(now), SOURCE, checkpoint.TYPE, now, SOURCE)
    return Outgoing(topics.checkpoints.name, b"audit", value, envelope.to_headers())
