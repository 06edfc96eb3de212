"""Reads the topics of outcomes, once for all awaited jobs.

Invariants:
- The outcome of a job that was registered before it was sent is not missed.
- Any other awaited job may have ended already: the topic is also scanned from the time the job was made. The
  same is done if a job turns out to be a duplicate of an earlier one.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Any, Self
from uuid import UUID

from pointsman.bus.codec.decode import Malformed, decode
from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError, TopicMissingError
from pointsman.bus.read.follow import Follower
from pointsman.claims.claim_check import ClaimCheck
from pointsman.client.large_outcomes import LargeOutcomes
from pointsman.client.look_back import LookBack
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.catalog import OUTCOMES
from pointsman_schemas.outcomes import Outcome
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

#: Outcomes kept until their job is awaited; older ones are searched for again.
KEPT = 10_000


class OutcomeWaiter:
    """An async context manager; inside, no outcome of an expected job is missed."""

    def __init__(self, kafka: KafkaPart, topics: Topics, claim_check: ClaimCheck | None = None) -> None:
        self._dead = topics.dead.name
        self._large = LargeOutcomes(claim_check, self._resolve)
        self._results = topics.results.name
        # A login of an agent can read only the topic of its own outcomes.
        outcomes = re.compile(topics.outcomes_pattern)
        either = re.compile(f"{topics.outcomes_pattern}|^{re.escape(self._dead)}$")
        self._follower = Follower(kafka, either, start="end")
        self._look_back = LookBack(kafka, outcomes, self._resolve)
        # By record key: most outcomes belong to other clients and need not be decoded.
        self._expected: dict[bytes, asyncio.Future[Outcome]] = {}
        self._unclaimed: OrderedDict[bytes, None] = OrderedDict()
        self._reading: asyncio.Task[None] | None = None
        self._failure: BusError | None = None

    async def __aenter__(self) -> Self:
        await self._follower.__aenter__()
        if not any(topic != self._dead for topic, _ in self._follower.offsets):
            await self._follower.__aexit__(None, None, None)
            raise TopicMissingError({self._results})
        self._reading = asyncio.create_task(self._read(), name="outcomes")
        return self

    async def __aexit__(self, *raised: Any) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._large.close()
        await self._look_back.close()
        self._fail(BusError("the client was closed"))
        await self._follower.__aexit__(*raised)

    def expect(self, job_id: UUID) -> None:
        """Keep the outcome of a job that is about to be sent."""
        self._future(_key(job_id))

    def of(self, job_id: UUID) -> "asyncio.Future[Outcome]":
        """Return a future of the job's outcome; shield it when awaiting, as it is shared.

        Its exception is a BusError: the client was closed, Kafka refuses, or the outcome is unreadable.
        """
        is_expected = _key(job_id) in self._expected
        future = self._future(_key(job_id))
        if not is_expected and not future.done():
            self._look_back.find(job_id)
        return future

    def forget(self, job_id: UUID) -> None:
        """Drop an outcome that was returned; another wait searches for it."""
        self._unclaimed.pop(_key(job_id), None)
        self._expected.pop(_key(job_id), None)

    def _future(self, key: bytes) -> "asyncio.Future[Outcome]":
        future = self._expected.get(key)
        if future is None:
            future = self._expected[key] = asyncio.get_running_loop().create_future()
            if self._failure is not None:
                _fail(future, self._failure)
        return future

    async def _read(self) -> None:
        try:
            while True:
                for record in await self._follower.read():
                    if record.topic == self._dead:
                        self._see_dead(record)
                    else:
                        self._resolve(record)
        except Exception as error:
            self._fail(
                error if isinstance(error, BusError) else BusError(f"reading outcomes failed: {error!r}")
            )

    def _see_dead(self, record: Incoming) -> None:
        job_id = duplicate_in(record)
        future = None if job_id is None else self._expected.get(_key(job_id))
        if job_id is not None and future is not None and not future.done():
            self._look_back.find(job_id)

    def _resolve(self, record: Incoming) -> None:
        future = self._expected.get(record.key or b"")
        if future is None or future.done() or self._large.fetch(record):
            return
        decoded = decode(record)
        if isinstance(decoded, Malformed):
            _fail(future, BusError(f"an outcome that cannot be read: {decoded.message}"))
        elif isinstance(decoded.message, OUTCOMES):
            future.set_result(decoded.message)
            self._keep(record.key or b"")

    def _keep(self, key: bytes) -> None:
        self._unclaimed[key] = None
        if len(self._unclaimed) > KEPT:
            oldest, _ = self._unclaimed.popitem(last=False)
            self._expected.pop(oldest, None)

    def _fail(self, why: BusError) -> None:
        self._failure = self._failure or why
        for future in self._expected.values():
            _fail(future, self._failure)


def duplicate_in(record: Incoming) -> UUID | None:
    """Return the job that a dead letter reports as a duplicate: it may have an outcome. Else None."""
    headers = dict(record.headers)
    if headers.get("ce_reason") != Reason.DUPLICATE_JOB.value.encode():
        return None
    try:
        return UUID((headers.get("ce_jobid") or b"").decode("ascii"))
    except ValueError:
        return None


def _key(job_id: UUID) -> bytes:
    return str(job_id).encode()


def _fail(future: "asyncio.Future[Outcome]", why: BusError) -> None:
    if not future.done():
        future.set_exception(why)
        future.exception()  # mark it as retrieved, as the job may never be awaited
