"""A stream ends with the answer's end or with an error event."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from pointsman.gateway.door import Door
from pointsman.gateway.errors import ApiError
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.routes.chat import ChatEvents
from pointsman.gateway.stream import ChatStream
from pointsman.gateway.streaming import EventShape, StreamEvent, _events
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job
from pointsman_schemas.outcomes import JobCompleted, JobFailed, Outcome
from pointsman_schemas.reasons import FailReason

JOB = Job(job_id=UUID(int=7), agent_id="app", request=ChatRequest(messages=[ChatMessage(role="user")]))
ABOUT: dict[str, Any] = {"job_id": JOB.job_id, "agent_id": "app", "tier": "small", "attempts": 1}
TIMED_OUT = JobFailed(**ABOUT, cost_usd=None, reason=FailReason.TIMEOUT, message="no")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def completed(text: str) -> Outcome:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return JobCompleted(
        **ABOUT, cost_usd=None, provider="p", model="m", usage=None, response={"choices": [choice]}
    )


def piece(text: str, *, call: int = 1) -> JobChunk:
    event = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return JobChunk(job_id=JOB.job_id, agent_id="app", call=UUID(int=call), index=0, events=(event,))


class Broken(ChatEvents):
    def feed(self, chunk: Json) -> Iterable[StreamEvent]:
        raise RuntimeError("a defect")


def reply_of(*pieces: JobChunk) -> JobReply:
    reply = JobReply(JOB, 0, asyncio.get_running_loop().create_future())
    reply.pieces.extend(pieces)
    return reply


async def lines(
    outcome: Outcome | None, *pieces: JobChunk, shape: EventShape | None = None, closing: bool = False
) -> list[str]:
    """The data of each event of a stream."""
    reply, closes = reply_of(*pieces), asyncio.Event()
    if outcome is not None:
        reply.outcome.set_result(outcome)
    if closing:
        closes.set()
    return await events_of(reply, closes, shape)


def door_of(closes: asyncio.Event) -> Door:
    return cast(
        Door,
        SimpleNamespace(
            awaited=lambda *_: contextlib.nullcontext(),
            closing=closes,
            clock=lambda: NOW,
            settings=None,
            jobs=SimpleNamespace(before=lambda _: 3),
        ),
    )


async def events_of(reply: JobReply, closes: asyncio.Event, shape: EventShape | None = None) -> list[str]:
    door, chat = door_of(closes), ChatStream(include_usage=False)
    events = _events(door, cast(Any, None), reply, shape or ChatEvents(), chat)
    sent = b"".join([part async for part in events]).decode()
    assert sent.endswith("\n\n")
    return [event.removeprefix("data: ") for event in sent.split("\n\n") if event.startswith("data: ")]


async def test_an_answer_ends_with_done() -> None:
    assert (await lines(completed("Yes"), piece("Ye")))[-1] == "[DONE]"


async def test_events_that_the_client_has_are_not_sent_again() -> None:
    door, reply = door_of(asyncio.Event()), reply_of(piece("Ye"))
    reply.outcome.set_result(completed("Yes"))
    events = _events(door, cast(Any, None), reply, ChatEvents(), ChatStream(include_usage=False), skip=1)
    sent = b"".join([part async for part in events]).decode()
    assert '"content":"Ye"' not in sent
    assert '"content":"s"' in sent


@pytest.mark.parametrize(
    ("outcome", "pieces", "code"),
    [
        (
            JobFailed(**ABOUT, cost_usd=None, reason=FailReason.TIMEOUT, message="no"),
            [piece("Ye")],
            "timeout",
        ),
        (completed("No"), [piece("Ye")], "stream_broken"),
        (completed("Yes"), [piece("Ye"), piece("No", call=2)], "stream_broken"),
    ],
)
async def test_an_error_is_the_last_event(outcome: Outcome, pieces: list[JobChunk], code: str) -> None:
    last = (await lines(outcome, *pieces))[-1]
    assert f'"code":"{code}"' in last
    assert "[DONE]" not in last


async def test_an_internal_error_is_the_last_event() -> None:
    assert '"code":"internal"' in (await lines(completed("Yes"), piece("Ye"), shape=Broken()))[-1]


async def test_a_shutdown_is_the_last_event() -> None:
    assert '"code":"shutting_down"' in (await lines(None, piece("Ye"), closing=True))[-1]


async def test_waiting_streams_are_told_of_a_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pointsman.gateway.streaming.LATE_S", 600)
    reply, closes = reply_of(piece("Ye")), asyncio.Event()
    waiting = asyncio.create_task(events_of(reply, closes))
    await asyncio.sleep(0)
    assert not waiting.done()
    closes.set()
    reply.notify()
    async with asyncio.timeout(10):
        assert '"code":"shutting_down"' in (await waiting)[-1]


async def test_streams_without_events_are_told_at_once() -> None:
    reply, closes = reply_of(), asyncio.Event()
    closes.set()
    door = door_of(closes)
    events = _events(door, cast(Any, None), reply, ChatEvents(), ChatStream(include_usage=False))
    first, second, *_ = [event async for event in events]
    assert (first, second) == (b"", b": waiting, at most 3 before you\n\n")


async def test_a_job_without_a_worker_ends_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.gateway.streaming.LATE_S", 0.01)
    assert '"code":"deadline_exceeded"' in (await events_of(reply_of(piece("Ye")), asyncio.Event()))[-1]


def test_errors_have_the_format_of_their_api() -> None:
    error = ApiError(500, "server_error", "internal", "no")
    assert error.anthropic == {"type": "error", "error": {"type": "api_error", "message": "no"}}
