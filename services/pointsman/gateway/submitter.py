"""Submits jobs for requests, and cancels those that nobody waits for any more.

Invariants:
- A job is sent only once the partition of its outcome is being read.
- One request is one job: a repeated request joins the job in flight, or gets its outcome.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from pointsman.bus.codec.emit import emit_of_job
from pointsman.bus.codec.signed import sign
from pointsman.bus.errors import BusError, PublishUncertainError
from pointsman.bus.produce.publisher import Publisher
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.client.job import as_record
from pointsman.gateway.asking.job import job_of
from pointsman.gateway.asking.repeats import Repeats, digest_of, keyed_id
from pointsman.gateway.asking.taken import TakenRequests
from pointsman.gateway.errors import invalid, key_reused, too_many
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.replies import JobReplies
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.waiting.queues import Queues
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman_schemas.base import Json
from pointsman_schemas.envelope import trace_of
from pointsman_schemas.jobs import REQUEST_DIGEST, Job, JobCancel

log = logging.getLogger(__name__)

IDEMPOTENCY_KEY, RETRY_COUNT = "idempotency-key", "x-stainless-retry-count"
#: A job goes on so many seconds after its client has disconnected, as the client may retry. SDKs wait half a
#: second before the first retry, and twice as long before each further one.
GRACE_S = 0.8
_RETRY_S, _MOST_RETRY_S = 0.5, 8.0
_MOST_KEY = 255
_MOST_RETRY_AFTER_S = 600
#: The source of jobs that came by an API key, to tell them from those that agents publish themselves.
SOURCE = "pointsman/gateway"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One request: `request` in the OpenAI chat shape, `content` its body as received on `route`.

    `origin`: the body, if it has another shape; `kind`, `marks`: see `job_of`.
    """

    agent_id: str
    tier: str | None
    request: Json
    route: str
    content: bytes
    headers: Mapping[str, str]
    origin: Json | None = None
    kind: str | None = None
    marks: Mapping[str, object] = field(default_factory=dict)


class JobSubmitter:
    """Submits and cancels jobs. `key`: signs them; None: they are not signed."""

    def __init__(
        self,
        settings: GatewaySettings,
        replies: JobReplies,
        publisher: Publisher,
        *,
        queues: Queues,
        taken: TakenRequests,
        claim_check: ClaimCheck | None,
        key: PrivateKey | None,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self.replies = replies
        self._publisher = publisher
        self._queues = queues
        self._taken = taken
        self._claim_check = claim_check
        self._key = key
        self._clock = clock
        self._repeats = Repeats()
        self._sending: dict[UUID, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def reply(self, job_request: JobRequest) -> JobReply:
        """Return the reply to a request: of a new job, or of the job that the same request made before.

        Raises:
            ApiError, BusError, ClaimsUnavailableError: no job was sent.
        """
        key = job_request.headers.get(IDEMPOTENCY_KEY)
        if key is not None and not 0 < len(key) <= _MOST_KEY:
            raise invalid(f"{IDEMPOTENCY_KEY} must have 1 to {_MOST_KEY} characters", IDEMPOTENCY_KEY)
        digest = digest_of(job_request.route, job_request.content)
        is_retry = job_request.headers.get(RETRY_COUNT, "0") not in ("", "0")
        now = time.monotonic()
        try:
            before = self._repeats.find(job_request.agent_id, digest, key, is_retry=is_retry, now=now)
        except KeyError:
            raise key_reused() from None
        reply = None if before is None else self.replies.known(before)
        if reply is not None and reply.leaving is not None and key is None:
            await asyncio.wait([reply.leaving])
            if not reply.outcome.done():
                reply = None  # its job was cancelled, or another process took it over
        if reply is not None and (key is not None or not reply.ended_without_answer):
            await self._sent(reply)
            return reply
        known_as = keyed_id(job_request.agent_id, key) if key is not None else None
        if key is None and is_retry and reply is None:
            known_as = await self._taken.job_id(job_request.agent_id, digest)
        reply = await self._new(job_request, key, digest, known_as)
        if key is None and known_as is not None and await self._taken.is_left(reply.job, digest):
            reply = await self._new(job_request, key, digest, None)  # its process was first to give it up
        return reply

    async def submit(self, job_request: JobRequest, job_id: UUID) -> JobReply:
        """Submit a request as the job `job_id`; repeating this, even in another process, makes no second job.

        Raises:
            ApiError, BusError, ClaimsUnavailableError: no job was sent.
        """
        reply = self.replies.known(job_id)
        if reply is not None:
            await self._sent(reply)
            return reply
        return await self._new(job_request, None, digest_of(job_request.route, job_request.content), job_id)

    async def cancel(self, job_id: UUID, agent_id: str, reason: str) -> None:
        """Publish a command to cancel the job.

        Raises:
            BusError: Kafka is unavailable.
        """
        command = JobCancel(job_id=job_id, agent_id=agent_id, reason=reason)
        record = emit_of_job(self._topics.control, command, by=agent_id, now=self._clock())
        await self._publisher.publish([sign(record, self._key)])

    def before(self, reply: JobReply) -> int | None:
        """Return the most jobs that may be before this one; None if the queues were not read."""
        return None if reply.marks is None else self._queues.before(reply.marks, reply.job.tier)

    async def follow(self, job: Job) -> JobReply:
        """Return the reply to a job that another process sent: its chunks from now on, and its outcome.

        Raises:
            BusError: Kafka is unavailable.
        """
        reply = self.replies.expect(job)
        reply.is_kept = True
        await self.replies.listen(reply)
        self.replies.look_back(job.job_id)
        return reply

    @contextlib.contextmanager
    def awaited(
        self, reply: JobReply, *, keep: Callable[[], bool], grace_s: float = GRACE_S
    ) -> Iterator[None]:
        """Count a client as waiting while inside.

        When the last one has left, the job is cancelled after `grace_s`, unless `keep` returns true.
        """
        try:
            with reply.awaited():
                yield
        finally:
            is_needed = reply.waiting or reply.outcome.done() or reply.is_kept or keep()
            if not is_needed and self._settings.gateway_cancel:
                task = asyncio.create_task(self._leave(reply, grace_s), name="leave")
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Stop sending and cancelling."""
        for task in [*self._leaving, *self._sending.values()]:
            task.cancel()
        await asyncio.gather(*self._leaving, *self._sending.values(), return_exceptions=True)
        await self._taken.close()

    async def _new(
        self, job_request: JobRequest, key: str | None, digest: bytes, known_as: UUID | None
    ) -> JobReply:
        """Send a new job.

        `known_as`: its id, if the job may already be in flight; the router refuses a duplicate.
        """
        if len(self.replies) >= self._settings.gateway_open_requests:
            raise too_many(f"{len(self.replies):,} requests wait here already", retry_after_s=5)
        job_id = known_as or self.replies.new_id()
        job = job_of(
            job_request.request,
            job_request.headers,
            job_id=job_id,
            agent_id=job_request.agent_id,
            tier=job_request.tier,
            now=self._clock(),
            deadline_s=self._settings.gateway_deadline_s,
            kind=job_request.kind,
            marks={**job_request.marks, **({} if key is None else {REQUEST_DIGEST: digest.hex()})},
        )
        if key is not None or known_as is None:
            self._see_in_time(job)
        # From here on a repeated request finds the job.
        self._repeats.remember(job_request.agent_id, digest, key, job_id, time.monotonic())
        reply = self.replies.expect(job)
        reply.origin, reply.leaving = job_request.origin, None
        reply.digest = digest if key is None and RETRY_COUNT in job_request.headers else None
        if job_id not in self._sending:
            # In a task of its own, so that it completes even if the client disconnects.
            trace_id, _ = trace_of(job_request.headers.get("traceparent"))
            sending = asyncio.create_task(self._send(reply, trace_id), name="send job")
            self._sending[job_id] = sending
        await self._sent(reply)
        return reply

    def _see_in_time(self, job: Job) -> None:
        """Raises: ApiError: the queue is so long that the job cannot be done before its deadline."""
        wait_s = self._queues.wait_s(job.tier, time.monotonic())
        assert job.deadline is not None, "the gateway's jobs have one"
        late_s = wait_s - (job.deadline - self._clock()).total_seconds()
        if wait_s and late_s > 0:
            message = f"the queue takes at least {wait_s:.0f} s, longer than the deadline allows"
            after_s = min(_MOST_RETRY_AFTER_S, int(late_s) + 1)
            raise too_many(message, "queue_too_long", retry_after_s=after_s)

    async def _sent(self, reply: JobReply) -> None:
        """Return when the job was sent."""
        sending = self._sending.get(reply.job_id)
        if sending is not None:
            await asyncio.shield(sending)

    async def _send(self, reply: JobReply, trace_id: str | None) -> None:
        try:
            await self.replies.listen(reply)
            record = as_record(reply.job, self._topics, self._clock(), trace_id, SOURCE)
            reply.trace = dict(record.headers)["traceparent"].decode()
            records = [record]
            if self._claim_check is not None:
                records = await self._claim_check.deposit(records)
            records = [sign(record, self._key) for record in records]
            if reply.digest is not None:
                records = [self._taken.record(reply.job, reply.digest), *records]
            await self._publisher.publish(records)
        except PublishUncertainError:
            return  # it may be written, now or later: then there will be an outcome
        except (BusError, ClaimsUnavailableError):
            self.replies.forget(reply)  # so that no repeated request joins it
            raise
        finally:
            self._sending.pop(reply.job_id, None)

    async def _leave(self, reply: JobReply, grace_s: float) -> None:
        await asyncio.sleep(grace_s)
        if not (reply.waiting or reply.outcome.done() or reply.leaving):
            reply.leaving = asyncio.create_task(self._give_up(reply), name="give up")
            await reply.leaving

    async def _give_up(self, reply: JobReply) -> None:
        try:
            if reply.digest is not None:
                await self._publisher.publish([self._taken.record(reply.job, reply.digest, left=True)])
                if not await self._taken.is_left(reply.job, reply.digest):
                    return  # a retry in another process has taken it over
            await self.cancel(reply.job_id, reply.job.agent_id, "nobody waits for the answer any more")
        except BusError as error:
            reply.leaving = None  # the job goes on
            event(log, logging.WARNING, Event.NOT_CANCELLED, job_id=reply.job_id, error=str(error))


def grace_of(headers: Mapping[str, str]) -> float:
    """Return how long the job of a disconnected client goes on, in seconds."""
    count = headers.get(RETRY_COUNT, "0")
    retries = int(count) if count.isascii() and count.isdigit() and len(count) < 3 else 0
    return min(_MOST_RETRY_S, _RETRY_S * 2.0**retries) + GRACE_S - _RETRY_S
