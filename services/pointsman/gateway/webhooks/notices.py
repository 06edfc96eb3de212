"""Sends webhooks for background answers, in OpenAI's shape, signed as Standard Webhooks require.

Invariants:
- Each outcome is sent to a receiver until it accepts, a few times at most; it can be looked up anyway.
- A webhook contains nothing of the request or the answer.
- The queue of webhooks is bounded.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from typing import assert_never

from pointsman.client.webhook import NoticeFailedError, Webhook
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.webhooks.file import WebhooksFile
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman_schemas.base import Json
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected, Outcome

log = logging.getLogger(__name__)

#: The most webhooks being sent, of all receivers together.
MOST = 1_000


class Webhooks:
    """The webhooks of each agent that has a receiver."""

    def __init__(self, file: WebhooksFile, clock: Clock = utc_now) -> None:
        self._receivers = {
            row.agent: Webhook(row.url, row.secret(os.environ), clock=clock) for row in file.webhooks
        }
        self._clock = clock
        self._sending: set[asyncio.Task[None]] = set()

    def tell(self, reply: JobReply) -> None:
        """Send a webhook to the job's agent when the outcome is there. Calling it again has no effect."""
        if reply.job.agent_id in self._receivers and not reply.is_told_of:
            reply.is_told_of = True
            reply.outcome.add_done_callback(lambda _: self._begin(reply))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send webhooks while inside."""
        async with contextlib.AsyncExitStack() as stack:
            for receiver in self._receivers.values():
                await stack.enter_async_context(receiver)
            try:
                yield
            finally:
                for task in self._sending:
                    task.cancel()
                await asyncio.gather(*self._sending, return_exceptions=True)

    def _begin(self, reply: JobReply) -> None:
        if reply.outcome.cancelled():
            return
        if len(self._sending) >= MOST:
            event(log, logging.WARNING, Event.NOTICE_FAILED, job_id=reply.job_id, error=f"{MOST:,} wait")
            return
        task = asyncio.create_task(self._send(reply), name="webhook")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, reply: JobReply) -> None:
        outcome = reply.outcome.result()
        notice = notice_of(outcome, int(self._clock().timestamp()))
        try:
            await self._receivers[outcome.agent_id].send(notice["id"], notice)
        except NoticeFailedError as error:
            event(log, logging.WARNING, Event.NOTICE_FAILED, job_id=reply.job_id, error=str(error))


def notice_of(outcome: Outcome, created_at: int) -> Json:
    """Return the event in the shape of OpenAI's webhooks."""
    return {
        "id": f"evt_{outcome.job_id.hex}",
        "object": "event",
        "type": _type(outcome),
        "created_at": created_at,
        "data": {"id": f"resp_{outcome.job_id.hex}"},
    }


def _type(outcome: Outcome) -> str:
    match outcome:
        case JobCompleted():
            return "response.completed"
        case JobCancelled():
            return "response.cancelled"
        case JobFailed() | JobRejected() | JobExpired():
            return "response.failed"
        case _:
            assert_never(outcome)
