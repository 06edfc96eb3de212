"""What all routes share: finding the caller, reading the body, submitting a job, awaiting its outcome."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from starlette.requests import Request

from pointsman.claims.store import ClaimStore
from pointsman.gateway.asking.body import read_json
from pointsman.gateway.asking.caller import Callers
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.batches.board import BatchBoard
from pointsman.gateway.errors import ApiError, error_of, key_reused
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.reviews.board import ReviewBoard
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import IDEMPOTENCY_KEY, JobRequest, JobSubmitter, grace_of
from pointsman.gateway.webhooks.notices import Webhooks
from pointsman.runtime.clock import Clock
from pointsman_schemas.base import Json
from pointsman_schemas.outcomes import JobCompleted

T = TypeVar("T")

#: The gateway waits so long after a job's deadline for its outcome, in seconds.
LATE_S = 5.0
_LOOKUPS, _UPLOADS = 4, 4


class GoneError(Exception):
    """The client has disconnected."""


@dataclass
class Door:
    """What routes share.

    `is_draining`: the process is stopping and takes no new requests. `closing`: set when requests that still
    wait are told so. `files`: the store of files. `uploads`: bounds the uploads at a time, as each file is
    held in memory. `lookups`: bounds the queries to the audit database at a time, each of which opens a
    connection.
    """

    settings: GatewaySettings
    callers: Callers
    models: ModelNames
    jobs: JobSubmitter
    clock: Clock
    reviews: ReviewBoard
    webhooks: Webhooks
    batches: BatchBoard
    files: ClaimStore | None
    is_draining: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _waits: set["asyncio.Future[None]"] = field(default_factory=set)
    lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LOOKUPS))
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_UPLOADS))

    def agent(self, request: Request) -> str:
        """Return the caller's agent id. Raises: ApiError."""
        agent_id = self.callers.agent(request.headers, self.clock())
        request.state.agent = agent_id
        return agent_id

    def reviewer(self, request: Request) -> tuple[str, tuple[str, ...]]:
        """Return the caller's id, and the queues whose cases this person may decide. Raises: ApiError."""
        by, queues = self.callers.reviewer(request.headers, self.clock())
        request.state.agent = by
        return by, queues

    async def body(self, request: Request) -> tuple[Json, bytes]:
        """Read the body as JSON object and as bytes. Raises: ApiError, ClientDisconnect."""
        return await read_json(request, self.settings.gateway_max_bytes)

    async def reply(
        self,
        request: Request,
        agent_id: str,
        chat: Json,
        content: bytes,
        *,
        origin: Json | None = None,
        kind: str | None = None,
        marks: Mapping[str, object] | None = None,
    ) -> JobReply:
        """Submit a request in the OpenAI chat shape. `origin`, `kind`, `marks`: see `JobRequest`.

        Raises:
            ApiError: the request is invalid, or cannot be accepted now.
        """
        if self.is_draining:
            raise shutting_down()
        tier = self.models.tier(chat.get("model"))
        # Both are costly to get from a request, and the headers are read many times.
        route, headers = request.scope["path"], dict(request.headers.items())
        job_request = JobRequest(agent_id, tier, chat, route, content, headers, origin, kind, marks or {})
        reply = await self.jobs.reply(job_request)
        # The job's messages have the first request's span as parent; a repeated request has its own span.
        request.state.trace, reply.trace = reply.trace, None
        return reply

    @contextlib.contextmanager
    def awaited(self, request: Request, reply: JobReply) -> Iterator[None]:
        """Count the client as waiting while inside.

        With an idempotency key, the job goes on after the client has left.
        """

        def keep() -> bool:
            return IDEMPOTENCY_KEY in request.headers or self.closing.is_set()

        with self.jobs.awaited(reply, keep=keep, grace_s=grace_of(request.headers)):
            yield

    async def answer(self, request: Request, reply: JobReply) -> JobCompleted:
        """Wait for the answer to a job.

        Raises:
            ApiError: the job has another outcome, or none in time.
            GoneError: the client has disconnected.
        """
        with self.awaited(request, reply):
            await self.until(request, asyncio.shield(reply.outcome), reply)
        return answered(reply)

    def close(self) -> None:
        """Tell all waiting requests that this process is stopping."""
        self.closing.set()
        for wait in self._waits:
            wait.set_result(None)
        self._waits.clear()

    async def until(self, request: Request, happens: Awaitable[T], reply: JobReply) -> T:
        """Wait for `happens` and return its result.

        Raises:
            ApiError: the deadline has passed, or this process is stopping.
            GoneError: the client has disconnected.
        """
        task = asyncio.ensure_future(happens)
        client_gone = asyncio.create_task(wait_for_disconnect(request), name="client gone")
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits.add(closed)
        if self.closing.is_set():
            self.close()
        late_s = reply.left_s(self.clock()) + LATE_S
        try:
            happening: list[asyncio.Future[Any]] = [task, client_gone, closed]
            await asyncio.wait(happening, timeout=late_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if client_gone.done():
                raise GoneError
            if closed.done():
                raise shutting_down(reply.job_id)
            raise too_late(reply.job_id)
        finally:
            self._waits.discard(closed)
            task.cancel()
            client_gone.cancel()


def answered(reply: JobReply) -> JobCompleted:
    """Return the outcome of a finished job, if it is an answer.

    Raises:
        ApiError: it is another outcome.
    """
    outcome = reply.outcome.result()
    error = key_reused() if reply.is_anothers else error_of(outcome)
    if error is not None:
        error.headers = {**error.headers, **headers_of(reply)}
        raise error
    assert isinstance(outcome, JobCompleted)
    return outcome


def headers_of(reply: JobReply) -> dict[str, str]:
    """Return the response headers for a finished job: tier, rule, times, cost, provider."""
    outcome = reply.outcome.result()
    provider_ms = outcome.provider_ms or 0.0
    headers = {
        **job_headers(outcome.job_id),
        "x-pointsman-attempts": str(outcome.attempts),
        "x-pointsman-tier": outcome.tier or "",
        "x-pointsman-rule": outcome.rule or "",
        "x-pointsman-provider-ms": f"{provider_ms:.0f}",
        "x-pointsman-waited-ms": f"{max(0.0, reply.took_s * 1000 - provider_ms):.0f}",
        "x-pointsman-cost-usd": "" if outcome.cost_usd is None else f"{outcome.cost_usd:f}",
    }
    if isinstance(outcome, JobCompleted):
        headers |= {"x-pointsman-provider": outcome.provider, "x-pointsman-model": outcome.model}
    # Header values must be one line of Latin-1, while a provider's model name may contain any character.
    return {
        name: value for name, value in headers.items() if value and value.isascii() and value.isprintable()
    }


def job_headers(job_id: UUID) -> dict[str, str]:
    """Return the job id under our own header name, and under those that SDKs read."""
    return {"x-pointsman-job-id": str(job_id), "x-request-id": str(job_id), "request-id": str(job_id)}


def shutting_down(job_id: UUID | None = None) -> ApiError:
    """The error for requests to a process that is stopping; another process can answer them."""
    headers: Mapping[str, str] = {"connection": "close", "retry-after": "1"}
    headers = {**headers, **(job_headers(job_id) if job_id else {})}
    return ApiError(503, "server_error", "shutting_down", "this process shuts down", headers=headers)


def too_late(job_id: UUID) -> ApiError:
    """The error for a job that has no outcome after its deadline."""
    return ApiError(
        504,
        "timeout_error",
        "deadline_exceeded",
        f"job {job_id} has no outcome, and its deadline has passed",
        headers={**job_headers(job_id), "x-should-retry": "false"},
    )


async def wait_for_disconnect(request: Request) -> None:
    """Return when the client has disconnected. The body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
