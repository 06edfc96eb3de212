"""Everything a provider may send instead of a stream, and how the worker handles it."""

import asyncio
import gzip
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
import pytest

from pointsman.worker.calls.answer import Answer, Failure, Reject, Result, Retry
from pointsman.worker.calls.chunks import CallChunks
from pointsman.worker.providers import Provider, as_sent
from pointsman_schemas.base import Json
from pointsman_schemas.calls import Usage
from pointsman_schemas.reasons import FailReason
from tests.support.worker.tiny_provider import ANSWER, Asked, Tiny, http, tiny_provider
from tests.support.worker.working import KEY, in_turn, provider_of

TOP = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 7,
    "model": "gpt-4.1-nano-2025-04-14",
}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}


def chunk(content: str = "", finish: str | None = None) -> Json:
    return TOP | {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]}


EVENTS: list[Json] = [chunk("fo"), chunk("ur"), chunk("", "stop"), TOP | {"choices": [], "usage": USAGE}]


def data(*events: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)


STREAM = data(*EVENTS) + b"data: [DONE]\n\n"


def stream(body: bytes, *, end: bytes = b"0\r\n\r\n", **headers: str) -> bytes:
    """A chunked HTTP answer; without `end` the connection breaks."""
    lines = ["HTTP/1.1 200 X", "transfer-encoding: chunked"]
    headers = {"content-type": "text/event-stream"} | headers
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    sent = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + sent + end


async def call(provider: Provider, **request: Any) -> tuple[Result, list[Json], CallChunks]:
    passed_on: list[Json] = []
    chunks = CallChunks(lambda index, events: passed_on.extend(events))
    sent = as_sent({"messages": [], **request}, "m", streamed=True)
    result = await provider.call(sent, job_id=UUID(int=7), agent_id="tester", chunks=chunks)
    return result, passed_on, chunks


async def answered(answer: Any, **row: Any) -> tuple[Result, list[Json]]:
    async with tiny_provider(in_turn(answer)) as tiny, provider_of(tiny, **row) as provider:
        result, passed_on, _ = await call(provider)
    return result, passed_on


async def test_a_stream_is_requested_with_usage_and_the_jobs_options() -> None:
    async with tiny_provider(in_turn(stream(STREAM))) as tiny, provider_of(tiny) as provider:
        await call(provider, stream=True, stream_options={"include_obfuscation": False})
        await call(provider, stream=True, stream_options="yes")
    first, second = (asked.json for asked in tiny.asked)
    assert (first["stream"], second["stream"]) == (True, True)
    assert first["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert second["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    "answer",
    [
        stream(STREAM),
        stream(STREAM, content_type="text/event-stream; charset=utf-8"),
        stream(STREAM, content_type=""),
        stream(gzip.compress(STREAM), content_encoding="gzip"),
        stream(STREAM.replace(b"\n", b"\r\n")),
        stream(data(*EVENTS)),
        stream(data(*EVENTS)[:-2]),
        stream(b": hello\n\n" + STREAM),
        stream(STREAM, end=b""),
        stream(data(*EVENTS), end=b""),
        stream(data(*EVENTS) + b'data: {"id": "chatc', end=b""),
    ],
)
async def test_a_stream_is_an_answer(answer: bytes) -> None:
    """In the last three cases the connection breaks after the complete answer."""
    result, passed_on = await answered(answer)
    assert isinstance(result, Answer)
    assert result.response["choices"][0]["message"] == {"content": "four"}
    assert result.response["choices"][0]["finish_reason"] == "stop"
    assert result.response["object"] == "chat.completion"
    assert (result.model, result.usage) == (TOP["model"], Usage(input_tokens=1000, output_tokens=500))
    assert passed_on == EVENTS


@pytest.mark.parametrize("answer", [http(), stream(orjson.dumps(ANSWER))])
async def test_an_unstreamed_body_is_accepted(answer: bytes) -> None:
    result, passed_on = await answered(answer)
    assert isinstance(result, Answer)
    assert (result.response, passed_on) == (ANSWER, [])


async def test_a_connection_is_used_again_after_a_stream() -> None:
    """The end of the body arrives in a separate packet after the answer."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
            writer.write(stream(STREAM, end=b""))
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")

    async def until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(until_left, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with provider_of(url) as provider:
            for _ in range(3):
                result, _, _ = await call(provider)
                assert isinstance(result, Answer)
    assert connections == 1


LIMITED = {"error": {"message": "x", "type": "rate_limit_error"}}
BROKEN = {"error": {"message": f"boom, {KEY}", "type": "server_error", "code": 502}}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (stream(data(*EVENTS[:2], BROKEN)), FailReason.SERVER_ERROR),
        (stream(data(*EVENTS[:2], {**chunk("", "error"), **BROKEN})), FailReason.SERVER_ERROR),
        (stream(data(*EVENTS[:2]) + b'event: error\ndata: {"message": "boom"}\n\n'), None),
        (stream(data(*EVENTS[:2], LIMITED)), FailReason.RATE_LIMITED),
        (stream(data(*EVENTS[:2]) + b'data: {"id": "c\n\ndata: [DONE]\n\n'), FailReason.BAD_RESPONSE),
        (stream(data(*EVENTS[:2]) + b"data: [DONE]\n\n"), FailReason.BAD_RESPONSE),
        (stream(data(*EVENTS[:2])), FailReason.BAD_RESPONSE),
        (stream(data(*EVENTS[:2]), end=b""), FailReason.CONNECTION),
        (stream(gzip.compress(data(*EVENTS[:2]))[:-9], content_encoding="gzip"), FailReason.BAD_RESPONSE),
    ],
)  # fmt: skip
async def test_an_interrupted_answer_fails_and_its_part_is_recorded(
    answer: bytes, reason: FailReason | None
) -> None:
    result, passed_on = await answered(answer)
    assert isinstance(result, Failure)
    assert reason is None or result.reason is reason
    assert passed_on == EVENTS[:2]
    assert result.response is not None
    assert result.response["choices"][0]["message"] == {"content": "four"}
    assert not result.unbilled
    assert KEY not in repr(result)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (stream(b""), Retry, "body that cannot be used"),
        (stream(b": only a comment\n\n"), Retry, "body that cannot be used"),
        (stream(b"data: [DONE]\n\n"), Retry, "body that cannot be used"),
        (stream(data({"error": {"code": "context_length_exceeded"}})), Reject, "shorten"),
        (stream(b'{"error": {"code": "model_not_found"}}'), Reject, "the tier's model"),
        (stream(b"data: x", content_encoding="br"), Reject, "'br' was not asked for"),
        (http(400, {"error": {"message": "Unknown parameter: stream_options"}}), Reject, "stream_options"),
    ],
)  # fmt: skip
async def test_an_invalid_answer_ends_as_without_streaming(answer: bytes, kind: type, words: str) -> None:
    result, passed_on = await answered(answer)
    assert isinstance(result, kind)
    assert words in result.message
    assert passed_on == []


async def test_usage_without_content_is_not_an_answer() -> None:
    nothing = {"choices": [], "usage": USAGE}
    result, passed_on = await answered(stream(data(nothing) + b"data: [DONE]\n\n"))
    assert isinstance(result, Retry)
    assert "choices is empty" in result.message
    assert (result.usage, passed_on) == (Usage(input_tokens=1000, output_tokens=500), [nothing])


async def test_an_endless_answer_reaches_the_size_limit() -> None:
    talk = data(*[chunk("x" * 50_000)] * 100)
    result, _ = await answered(stream(talk))
    assert isinstance(result, Reject)
    assert "4,194,304 bytes" in result.message


class Slow:
    """Sends the first events of a stream, then nothing."""

    def __init__(self, *events: bytes) -> None:
        self.events = events
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(stream(self.events[0], end=b""))
        try:
            for event in self.events[1:]:
                await asyncio.sleep(0.05)
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            self.left.set()
            writer.close()


async def slowly(slow: Slow, **row: Any) -> tuple[Result, list[Json]]:
    async with await asyncio.start_server(slow.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with provider_of(url, **row) as provider:
            async with asyncio.timeout(60):
                result, passed_on, _ = await call(provider)
                await slow.left.wait()
    return result, passed_on


async def test_a_silent_stream_times_out() -> None:
    result, passed_on = await slowly(Slow(data(EVENTS[0])), stream_idle_s=0.2)
    assert isinstance(result, Retry)
    assert (result.reason, passed_on) == (FailReason.TIMEOUT, EVENTS[:1])
    assert "sent nothing more for 0.2 s (its stream_idle_s" in result.message


async def test_an_endless_stream_times_out() -> None:
    pings = [b": ping\n\n"] * 1000
    result, _ = await slowly(Slow(data(EVENTS[0]), *pings), timeout_s=0.5, stream_idle_s=30)
    assert isinstance(result, Retry)
    assert result.reason is FailReason.TIMEOUT
    assert "within 0.5 s (its timeout_s" in result.message


async def test_comments_keep_a_stream_alive() -> None:
    pings = [b": ping\n\n"] * 80  # four seconds of them
    result, passed_on = await slowly(Slow(data(EVENTS[0]), *pings, STREAM), stream_idle_s=3, timeout_s=60)
    assert isinstance(result, Answer)
    assert len(passed_on) == 5


async def test_the_connections_end_is_not_waited_for() -> None:
    result, _ = await slowly(Slow(STREAM), timeout_s=600, stream_idle_s=600)
    assert isinstance(result, Answer)


async def test_a_cancelled_call_keeps_the_received_part() -> None:
    slow = Slow(data(*EVENTS[:2]))
    async with await asyncio.start_server(slow.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with provider_of(Tiny(url, in_turn())) as provider:
            came = asyncio.Event()
            chunks = CallChunks(lambda index, events: came.set())
            request = as_sent({"messages": []}, "m", streamed=True)
            calling = asyncio.create_task(
                provider.call(request, job_id=UUID(int=7), agent_id="tester", chunks=chunks)
            )
            async with asyncio.timeout(20):
                await came.wait()
            calling.cancel()
            await asyncio.wait([calling])
            async with asyncio.timeout(20):
                await slow.left.wait()
    assert chunks.partial is not None
    assert chunks.partial["choices"][0]["message"] == {"content": "four"}


async def test_unstreamed_jobs_are_requested_as_before() -> None:
    async with tiny_provider(in_turn(http())) as tiny, provider_of(tiny) as provider:
        request = as_sent({"messages": [], "stream": True, "stream_options": {}}, "m")
        result = await provider.call(request, job_id=UUID(int=7), agent_id="tester")
    assert isinstance(result, Answer)
    (asked,) = tiny.asked
    assert isinstance(asked, Asked)
    assert asked.json == {"messages": [], "model": "m"}
