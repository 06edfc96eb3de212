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
from pointsman.store.append.lanes import Head, Lane
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
#: So many checkpoints wait for a bus that is away; older ones are in the database alone.
_KEPT = 1_000


def moved(heads: Mapping[Lane, Head], signed: Mapping[Lane, Head], checkpoints: str) -> dict[Lane, Head]:
    """What a new checkpoint vouches for; nothing while only checkpoints themselves have come in."""
    since = {lane: head for lane, head in heads.items() if signed.get(lane) != head}
    return since if any(topic != checkpoints for topic, _ in since) else {}


def added(since: Mapping[Lane, Head], signed: Mapping[Lane, Head]) -> int:
    """How many rows a new checkpoint would vouch for that no checkpoint of ours does yet."""
    return sum(head.rows - signed[lane].rows if lane in signed else head.rows for lane, head in since.items())


def signed(
    key: PrivateKey,
    number: int,
    previous: str | None,
    heads: Mapping[Lane, Head],
    now: datetime,
    *,
    beside: Collection[ChapterMet | OffsetsLost] = (),
) -> CheckpointSigned:
    """The checkpoint that vouches for `heads`, and for what stands beside the rows."""
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
    in_order = sorted(beside, key=lambda message: message.model_dump_json())
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
    """One process's checkpoints; each covers the lanes that this process has moved since the last one.

    It signs the links that it computed itself, never ones read from the database.
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
        """`heads`: where checkpoints are kept outside of the database, too."""
        self._writer = writer
        self._pool = pool
        self._key = key
        self._topics = settings.topics
        self._kafka = settings
        self._clock = clock
        self._every_s = settings.checkpoint_s
        self._every_rows = settings.checkpoint_rows
        self._signed: dict[Lane, Head] = {}
        self._beside: set[ChapterMet | OffsetsLost] = set()
        self._unpublished: list[tuple[CheckpointSigned, bytes]] = []
        self._heads = heads
        self._unkept: list[tuple[CheckpointSigned, bytes]] = []

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every_s
        while True:
            await asyncio.sleep(min(_LOOK_S, self._every_s))
            since = moved(self._writer.heads, self._signed, self._topics.checkpoints.name)
            if loop.time() >= due or added(since, self._signed) >= self._every_rows:
                due = loop.time() + self._every_s
                await self.make()

    async def make(self) -> None:
        """One checkpoint, if anything has come in; what fails is tried again with the next."""
        since = moved(self._writer.heads, self._signed, self._topics.checkpoints.name)
        try:
            if since:
                now, beside = self._clock(), self._writer.beside - self._beside
                made = await add_checkpoint(
                    self._pool,
                    lambda number, previous: signed(self._key, number, previous, since, now, beside=beside),
                )
                self._signed |= since
                self._beside |= beside
                for waiting in (self._unpublished, self._unkept):
                    waiting.append(made)
                    del waiting[:-_KEPT]
                if self._heads is None:
                    self._unkept.clear()
        except StoreError as error:
            event(log, logging.WARNING, Event.CHECKPOINT_DELAYED, error=str(error))
        for place in (self._publish, self._keep):  # one that is away does not hold up the other
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
    """The checkpoint as it goes onto the bus."""
    now = checkpoint.made_at
    envelope = Envelope(uuid7(now), SOURCE, checkpoint.TYPE, now, SOURCE)
    return Outgoing(topics.checkpoints.name, b"audit", value, envelope.to_headers())
