"""The client: publishes jobs, awaits outcomes, cancels."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from pointsman.bus.codec.emit import emit_of_job
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.publisher import Publisher
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.settings import ClaimsPart
from pointsman.client.job import JobLike, as_record, largest_job, make_job
from pointsman.client.line import QueuePlace, standing
from pointsman.client.outcomes import OutcomeWaiter
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.decisions import Decision, Score
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import Job, JobCancel
from pointsman_schemas.outcomes import JobCompleted, Outcome
from pointsman_schemas.topics import Topics

_CHUNK = 500
#: Answers for which the score is kept until a verdict comes.
_PROMISES = 10_000


class OutcomeTimeoutError(TimeoutError):
    """The job has no outcome yet and continues."""

    def __init__(self, job_id: UUID, seconds: float) -> None:
        super().__init__(
            f"job {job_id} has no outcome after {seconds:g} s; it goes on: pointsman trace {job_id}"
        )
        self.job_id = job_id


class Client:
    """Submits jobs of one agent.

        async with Client(agent_id="billing") as client:
            outcome = await client.submit(prompt="Which VAT rate holds for books?", kind="chat")

    `kafka` (the servers' addresses, or all settings of the connection), `prefix` and `claims` (the store of
    large jobs and answers, see docs/claim-check.md) default to the environment: POINTSMAN_KAFKA and its
    companions, POINTSMAN_PREFIX and POINTSMAN_CLAIMS. `key`, the agent's private key or the path of its file,
    signs everything that is sent. The constructor raises KeyUnreadableError (pointsman.identity.keys) or
    OSError if the key cannot be read; entering raises KafkaUnavailableError or TopicMissingError
    (pointsman.bus.errors), whose texts say what to do.
    """

    def __init__(
        self,
        *,
        kafka: str | KafkaPart | None = None,
        prefix: str | None = None,
        claims: str | None = None,
        agent_id: str | None = None,
        key: PrivateKey | Path | str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        if not isinstance(kafka, KafkaPart):
            kafka = KafkaPart(kafka=kafka) if kafka else KafkaPart()
        self._kafka = kafka
        self._topics = Topics(prefix or kafka.prefix)
        self._agent_id = agent_id
        self._key = PrivateKey.parse(Path(key).read_text()) if isinstance(key, Path | str) else key
        self._clock = clock
        self._publisher = Publisher(kafka)
        keeping = ClaimsPart() if claims is None else ClaimsPart(claims=claims)
        self._claim_check = open_claim_check(keeping)
        self._largest = largest_job(keeping)
        self._outcomes = OutcomeWaiter(kafka, self._topics, self._claim_check)
        self._promised: OrderedDict[UUID, tuple[str, Score]] = OrderedDict()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(closed_after(self._claim_check))
            await opened.enter_async_context(self._outcomes)
            await opened.enter_async_context(self._publisher)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._opened.__aexit__(*raised)

    async def submit(
        self, job: JobLike | None = None, *, timeout_s: float | None = None, **fields: Any
    ) -> Outcome:
        """Publish a job and await its outcome.

        Args:
            job: a Job, or a plain body: `agent_id`, `prompt` or `messages`, and further fields.
            timeout_s: seconds to wait for the outcome; None: no limit.
            fields: the same as keywords; `deadline` may be a timedelta. Unknown ones go to the provider.

        Raises:
            InvalidJobError: the job is invalid; nothing was sent.
            ClaimsUnavailableError: the job is large and its store does not answer; nothing was sent.
            OutcomeTimeoutError: the time is over; the job continues.
            BusError: see `Publisher.publish`.
        """
        return await self.wait(await self.publish(job, **fields), timeout_s=timeout_s)

    async def publish(self, job: JobLike | None = None, **fields: Any) -> UUID:
        """Publish a job and return its id. Arguments and errors as for `submit`."""
        new_job = make_job(job, fields, self._agent_id, self._clock(), largest=self._largest)
        (job_id,) = await self._send([new_job])
        return job_id

    async def publish_many(self, jobs: Iterable[JobLike]) -> list[UUID]:
        """Publish many jobs and return their ids in order. All are validated before the first is sent."""
        now = self._clock()
        new_jobs = [make_job(job, {}, self._agent_id, now, largest=self._largest) for job in jobs]
        ids: list[UUID] = []
        for first in range(0, len(new_jobs), _CHUNK):
            ids += await self._send(new_jobs[first : first + _CHUNK])
        return ids

    async def wait(self, job_id: UUID, *, timeout_s: float | None = None) -> Outcome:
        """Return the outcome of any job, also of other clients and from the past; None: no time limit.

        Raises:
            OutcomeTimeoutError: there is no outcome within `timeout_s` seconds.
            BusError: the client was closed, or the outcome cannot be read.
        """
        coming = self._outcomes.of(job_id)
        try:
            async with asyncio.timeout(timeout_s):
                outcome = await asyncio.shield(coming)
        except TimeoutError:
            raise OutcomeTimeoutError(job_id, timeout_s or 0) from None
        self._outcomes.forget(job_id)
        if isinstance(outcome, JobCompleted) and outcome.score is not None:
            self._promised[job_id] = (outcome.tier, outcome.score)
            if len(self._promised) > _PROMISES:
                self._promised.popitem(last=False)
        return outcome

    async def outcomes(self, job_ids: Iterable[UUID]) -> AsyncIterator[Outcome]:
        """Yield the outcomes of these jobs as they arrive."""
        waiting = {asyncio.ensure_future(self.wait(job_id)) for job_id in job_ids}
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in waiting:
                task.cancel()

    async def cancel(self, job_id: UUID, reason: str = "", *, agent_id: str | None = None) -> None:
        """Request that a job stops; its outcome is `job.cancelled` unless it already has one."""
        agent = agent_id or self._agent_id or "unknown"
        command = JobCancel(job_id=job_id, agent_id=agent, reason=reason)
        await self._publish([emit_of_job(self._topics.control, command, by=agent, now=self._clock())])

    async def place(self, job_id: UUID) -> QueuePlace:
        """Return a job's place in the queue: the jobs before it on its tier, and the limit that holds it."""
        return await standing(self._kafka, self._topics, job_id)

    async def feedback(
        self,
        job_id: UUID,
        verdict: bool | float,
        comment: str = "",
        *,
        by: str | None = None,
        agent_id: str | None = None,
        judged: JobCompleted | Decision | None = None,
    ) -> None:
        """Send a verdict on a job's answer: True or 1 is good, False or 0 is bad.

        Args:
            by: who judged; by default this client's agent. The last verdict of each judge counts.
            agent_id: the job's agent; by default this client's agent.
            judged: the outcome or decision, if another client got the answer: its score is sent with the
                verdict, and routers compare them.
        """
        agent = agent_id or self._agent_id or by or "unknown"
        tier, score = self._promised.get(job_id, (None, None))
        if judged is not None:
            tier, score = judged.tier, judged.score
        message = JobFeedback(
            job_id=job_id,
            agent_id=agent,
            by=by or agent,
            verdict=float(verdict),
            comment=comment,
            tier=tier if score else None,
            score=score,
        )
        await self._publish([emit_of_job(self._topics.feedback, message, by=message.by, now=self._clock())])

    async def _send(self, jobs: list[Job]) -> list[UUID]:
        for job in jobs:
            self._outcomes.expect(job.job_id)
        records = [as_record(job, self._topics, self._clock()) for job in jobs]
        if self._claim_check is not None:
            records = await self._claim_check.deposit(records)
        await self._publish(records)
        return [job.job_id for job in jobs]

    async def _publish(self, records: list[Outgoing]) -> None:
        await self._publisher.publish([sign(record, self._key) for record in records])
