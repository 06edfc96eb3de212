"""Notifications about background answers, in a format that the official SDK reads."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.webhooks import notices
from pointsman.gateway.webhooks.file import WebhookRow, WebhooksFile
from pointsman.gateway.webhooks.notices import Webhooks
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, Outcome
from pointsman_schemas.reasons import FailReason
from tests.support.gateway.heard import job
from tests.support.review.receiver import Received, receiver

SECRET = "whsec_" + "QUJD" * 8


@asynccontextmanager
async def telling(monkeypatch: pytest.MonkeyPatch, url: str) -> AsyncIterator[Webhooks]:
    monkeypatch.setenv("HOOK", SECRET)
    webhooks = Webhooks(WebhooksFile(webhooks=(WebhookRow(agent="app", url=url, secret_env="HOOK"),)))
    async with webhooks.running():
        yield webhooks


def reply_of(agent_id: str = "app") -> JobReply:
    return JobReply(job(agent_id=agent_id), 0, asyncio.get_running_loop().create_future())


def outcome(reply: JobReply, kind: type[Any] = JobCompleted, **about: Any) -> Outcome:
    if kind is JobCompleted:
        about = {"provider": "p", "model": "m", "usage": None, "response": {"choices": ["secret"]}}
    made: Outcome = kind(
        job_id=reply.job_id, agent_id=reply.job.agent_id, tier="small", attempts=1, cost_usd=None, **about
    )
    return made


async def sent(webhooks: Webhooks) -> None:
    await asyncio.gather(*webhooks._sending)


def read(request: Received, secret: str = SECRET) -> Any:
    with OpenAI(api_key="x", webhook_secret=secret) as client:
        return client.webhooks.unwrap(request.body, dict(request.headers))


async def test_notifications_are_valid_for_the_sdk_and_have_no_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiver(200) as (url, received), telling(monkeypatch, url) as webhooks:
        reply = reply_of()
        webhooks.tell(reply)
        webhooks.tell(reply)
        assert not webhooks._sending
        reply.end(outcome(reply))
        await asyncio.sleep(0)
        await sent(webhooks)
    (request,) = received
    event = read(request)
    assert isinstance(event, openai.types.webhooks.ResponseCompletedWebhookEvent)
    assert event.data.id == f"resp_{reply.job_id.hex}"
    assert abs(event.created_at - time.time()) < 600
    assert b"secret" not in request.body
    with pytest.raises(InvalidWebhookSignatureError):
        read(request, "whsec_" + "QUJE" * 8)


@pytest.mark.parametrize(
    ("kind", "about", "type_"),
    [
        (JobFailed, {"reason": FailReason.TIMEOUT, "message": "slow"}, "response.failed"),
        (JobExpired, {"deadline": "2030-01-01T00:00:00Z", "message": "late"}, "response.failed"),
        (JobCancelled, {"cancelled_by": "app", "message": ""}, "response.cancelled"),
    ],
    ids=["failed", "expired", "cancelled"],
)
async def test_failed_answers_are_notified(
    monkeypatch: pytest.MonkeyPatch, kind: type[Any], about: dict[str, Any], type_: str
) -> None:
    async with receiver(204) as (url, received), telling(monkeypatch, url) as webhooks:
        reply = reply_of()
        reply.end(outcome(reply, kind, **about))
        webhooks.tell(reply)  # it was there before
        await asyncio.sleep(0)
        await sent(webhooks)
    assert read(received[0]).type == type_


async def test_agents_without_a_webhook_are_not_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver(200) as (url, received), telling(monkeypatch, url) as webhooks:
        reply = reply_of("another")
        webhooks.tell(reply)
        reply.end(outcome(reply))
        await asyncio.sleep(0)
        assert not webhooks._sending
    assert not received


async def test_the_queue_of_notifications_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notices, "MOST", 2)
    async with receiver(200) as (url, received), telling(monkeypatch, url) as webhooks:
        for _ in range(3):
            reply = reply_of()
            webhooks.tell(reply)
            reply.end(outcome(reply))
        await asyncio.sleep(0)
        assert len(webhooks._sending) == 2
        await sent(webhooks)
    assert len(received) == 2
    assert "webhook not accepted" in caplog.text


async def test_one_that_is_not_taken_is_said_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiver(500, 200) as (url, received), telling(monkeypatch, url) as webhooks:
        webhooks._receivers["app"]._waits_s = ()
        for status in (500, 200):
            reply = reply_of()
            webhooks.tell(reply)
            reply.end(outcome(reply))
            await asyncio.sleep(0)
            await sent(webhooks)
            assert len(received) == (1 if status == 500 else 2)
    assert "webhook not accepted" in caplog.text
