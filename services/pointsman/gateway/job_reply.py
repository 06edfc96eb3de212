"""The reply to one job submitted by this process: the chunks of its answer, and its outcome."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pointsman.gateway.waiting.queues import ByTier
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.jobs import REQUEST_DIGEST, Job
from pointsman_schemas.outcomes import JobCompleted, Outcome


@dataclass(eq=False)
class JobReply:
    """One job's reply. `waiting`: the number of requests that wait for it. `size`: bytes of its records.

    `origin`: the request in the shape of its own API, if that is not the chat API. `took_s`: seconds until
    the outcome. `marks`: the ends of the queues when the job was sent, see `Queues`. `trace`: the job's
    `traceparent`, for the span of the request that made it. `is_told_of`: a webhook reports the outcome.
    `is_kept`: the job goes on even if no request waits for it. `digest`: the request's, if its client may
    retry in another process. `leaving`: the task that gives the job up, once no request waits for it.
    """

    job: Job
    number: int
    outcome: "asyncio.Future[Outcome]"
    origin: Json | None = None
    waiting: int = 0
    size: int = 0
    pieces: list[JobChunk] = field(default_factory=list)
    piece_bytes: int = 0
    took_s: float = 0.0
    marks: ByTier[int] | None = None
    trace: str | None = None
    is_told_of: bool = False
    is_kept: bool = False
    digest: bytes | None = None
    leaving: "asyncio.Task[None] | None" = None
    since: float = field(default_factory=time.monotonic)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def ended(cls, job: Job, outcome: Outcome) -> "JobReply":
        """Make the reply of a job whose outcome is already known; needs a running event loop."""
        reply = cls(job, 0, asyncio.get_running_loop().create_future())
        reply.end(outcome)
        return reply

    @property
    def job_id(self) -> UUID:
        return self.job.job_id

    @property
    def ended_without_answer(self) -> bool:
        """Whether the job ended without an answer, so that a retry makes a new job."""
        return self.outcome.done() and not isinstance(self.outcome.result(), JobCompleted)

    @property
    def is_anothers(self) -> bool:
        """Whether the outcome answers another request.

        Another process may have used the job's id, which comes from an idempotency key, for another body.
        """
        answered = self.outcome.result().request_digest
        return answered is not None and answered != self.job.metadata.get(REQUEST_DIGEST)

    def left_s(self, now: datetime) -> float:
        """Return the seconds until the deadline, at least 0."""
        return 0.0 if self.job.deadline is None else max(0.0, (self.job.deadline - now).total_seconds())

    async def follow(self, is_over: Callable[[], bool] = lambda: False) -> AsyncGenerator[JobChunk, None]:
        """Yield each chunk from the first, as it arrives, until there is an outcome.

        It also ends when `is_over` returns true, which is checked at each `notify`.
        """
        position = 0
        while True:
            changed = self._changed
            while position < len(self.pieces):
                yield self.pieces[position]
                position += 1
            if self.outcome.done() or is_over():
                return
            await changed.wait()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Count a request as waiting while inside."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def end(self, outcome: Outcome) -> None:
        """Set the outcome."""
        self.took_s = time.monotonic() - self.since
        self.outcome.set_result(outcome)
        self.notify()

    def notify(self) -> None:
        """Wake all followers, so that they look for new chunks."""
        self._changed.set()
        self._changed = asyncio.Event()
