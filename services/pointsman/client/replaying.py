"""Submits recorded jobs again, at a steady rate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.publisher import Publisher
from pointsman.claims.claim_check import ClaimCheck
from pointsman.client.job import as_record
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.replayable import Sent, Wanted, submitted
from pointsman.store.privacy.sealing import MasterKey
from pointsman_schemas.dead import ORIGINAL
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job
from pointsman_schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recorded job. `job_id`: of its repetition; `unreadable`: why it was not repeated."""

    sent: Sent
    job_id: UUID | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class JobReplay:
    """Replays jobs from the audit at `dsn` to `kafka`, `rate` a second; without `send` it sends nothing.

    `dead`: replay what the router sent to the dead letters. `key`: of the agent that the jobs belong to.
    """

    kafka: KafkaPart
    dsn: str
    master: MasterKey | None
    claim_check: ClaimCheck | None
    dead: bool
    rate: float
    send: bool
    key: PrivateKey | None = None

    async def run(self, selection: Wanted) -> AsyncGenerator[Replayed, None]:
        """Yield each selected record after it is sent, or with the reason why it cannot be.

        Raises:
            StoreError, BusError, ClaimsUnavailableError: it failed midway; what was yielded was sent.
        """
        recorded = submitted(self.dsn, selection, self.master, dead=self.dead)
        async with AsyncExitStack() as stack:
            publisher = await stack.enter_async_context(Publisher(self.kafka)) if self.send else None
            jobs = await stack.enter_async_context(aclosing(recorded))
            async for sent in jobs:
                yield await self._one(sent, publisher)

    async def _one(self, sent: Sent, publisher: Publisher | None) -> Replayed:
        if sent.hidden is not None:
            return Replayed(sent, unreadable=sent.hidden)
        record = Incoming(*sent.origin, int(sent.at.timestamp() * 1000), None, sent.value, sent.headers)
        if self.dead:
            record = as_found(record)
        if self.claim_check is not None:
            (record,) = await self.claim_check.fetch([record])
        job = read_again(record)
        if isinstance(job, Malformed):
            return Replayed(sent, unreadable=job.message)
        new_job, outgoing = again(job, sent.message_id, self.kafka.topics, utc_now())
        if publisher is None:
            return Replayed(sent)
        records = [outgoing]
        if self.claim_check is not None:
            records = await self.claim_check.deposit(records)
        await publisher.publish([sign(record, self.key) for record in records])
        await asyncio.sleep(1 / self.rate)
        return Replayed(sent, new_job.job_id)


#: Metadata field of a repetition with the id of the original job.
OF = "replay_of"
_MOST_METADATA = 64


def as_found(letter: Incoming) -> Incoming:
    """Return the intake record that a dead letter is about, with its original headers."""
    own = [(name[len(ORIGINAL) :], text) for name, text in letter.headers if name.startswith(ORIGINAL)]
    return replace(letter, headers=tuple(own))


def read_again(record: Incoming) -> Job | Malformed:
    """Return the job in an intake record."""
    decoded = decode_intake(record, Topics().intake.max_message_bytes)
    return decoded if isinstance(decoded, Malformed) else decoded.job


def again(job: Job, cause: UUID | None, topics: Topics, now: datetime) -> tuple[Job, Outgoing]:
    """Return `job` with a new id, and the record that submits it, caused by the message `cause`.

    A deadline is removed, because it has passed.
    """
    metadata = dict(job.metadata)
    if len(metadata) < _MOST_METADATA or OF in metadata:
        metadata[OF] = str(job.job_id)
    new_job = job.model_copy(update={"job_id": uuid7(now), "metadata": metadata, "deadline": None})
    record = as_record(new_job, topics, now)
    if cause is not None:
        record.headers.append(("ce_causationid", str(cause).encode()))
    return new_job, record
