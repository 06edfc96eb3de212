"""Response bodies that are too large, oddly encoded or broken are read up to a limit and kept in part."""

import asyncio
import base64
import gzip
import json
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from pointsman.worker.calls.answer import Answer, Failure, Reject, Result, Retry
from pointsman.worker.providers import Provider
from pointsman.worker.providers.response import MAX_RESPONSE_BYTES
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.tiny_provider import ANSWER, Asked, http, tiny_provider
from tests.support.worker.working import in_turn, working

MIB = 1024 * 1024
FLUSH = zlib.Z_FULL_FLUSH
WHOLE = json.dumps(ANSWER).encode()
#: A compressed piece; repeated, about a megabyte of them decompresses to a gigabyte.
PIECE = gzip.compress(b" " * (64 * MIB), 1)

Body = Callable[[], Iterable[bytes]]


async def ask(url: str, **settings: Any) -> Result:
    row = ProviderRow(name="tiny", base_url=url)
    provider = Provider(row, SecretStr("none"), max_in_flight=2, **settings)
    try:
        return await provider.call({"messages": []}, job_id=UUID(int=7), agent_id="tester")
    finally:
        await provider.close()


@asynccontextmanager
async def sending(status: int, headers: str, body: Body) -> AsyncIterator[str]:
    """A provider that sends the body in pieces as long as the client reads, then closes."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            writer.write(f"HTTP/1.1 {status} X\r\n{headers}connection: close\r\n\r\n".encode())
            for piece in body():
                writer.write(piece)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        server.close()


CHILD = """
import asyncio, json, sys
from uuid import UUID
from pydantic import SecretStr
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow

async def main(url, calls, most):
    row = ProviderRow(name="tiny", base_url=url, timeout_s=120)
    provider = Provider(row, SecretStr("none"), max_in_flight=calls, most_bytes=most)
    ask = lambda: provider.call({"messages": []}, job_id=UUID(int=7), agent_id="tester")
    results = await asyncio.gather(*(ask() for _ in range(calls)))
    kept = [len(result.raw.content) for result in results]
    await provider.close()
    status = open("/proc/self/status").read()  # what getrusage says is the parent's, where that was larger
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])
    print(json.dumps([type(results[0]).__name__, results[0].reason, max(kept), peak_kb / 1024]))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def in_a_process_of_its_own(url: str, calls: int, most: int = MAX_RESPONSE_BYTES) -> list[Any]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(calls), str(most), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    assert child.returncode == 0
    decoded: list[Any] = json.loads(out)
    return decoded


def deflated(data: bytes, wbits: int, end: int = zlib.Z_FINISH) -> bytes:
    stream = zlib.compressobj(wbits=wbits)
    return stream.compress(data) + stream.flush(end)


JSON = "content-type: application/json\r\n"
BODIES: dict[str, tuple[str, Body]] = {
    "100 MB": (JSON, lambda: repeat(b"x" * MIB, 100)),
    "100 MB, announced": (f"{JSON}content-length: {100 * MIB}\r\n", lambda: repeat(b"x" * MIB, 100)),
    "without end": (JSON, lambda: repeat(b"x" * 65536)),
    "without end, in small chunks": (
        f"{JSON}transfer-encoding: chunked\r\n",
        lambda: repeat((b"100\r\n" + b"x" * 256 + b"\r\n") * 256),
    ),
    "gzip of a gigabyte": (f"{JSON}content-encoding: gzip\r\n", lambda: repeat(PIECE, 16)),
    "gzip without end": (f"{JSON}content-encoding: gzip\r\n", lambda: repeat(PIECE)),
    "gzip of nothing, without end": (
        f"{JSON}content-encoding: gzip\r\n",
        lambda: repeat(gzip.compress(b"") * 3000),
    ),
    "deflate of a gigabyte": (
        f"{JSON}content-encoding: deflate\r\n",
        lambda: chain([deflated(b" " * MIB, 15, FLUSH)], repeat(deflated(b" " * (16 * MIB), -15, FLUSH), 64)),
    ),
}


REASONS = {200: FailReason.BAD_RESPONSE, 422: FailReason.BAD_REQUEST, 500: FailReason.SERVER_ERROR}


@pytest.mark.parametrize(
    ("name", "status"), [*((name, 200) for name in BODIES), ("without end", 422), ("gzip without end", 500)]
)
async def test_body_size_is_bounded(name: str, status: int) -> None:
    async with sending(status, *BODIES[name]) as url:
        kind, reason, kept, peak_mb = await in_a_process_of_its_own(url, calls=8)
    assert reason == REASONS[status]
    assert kind == ("Retry" if status == 500 else "Reject")
    assert kept <= 64 * 1024 * 4 // 3 + 4
    assert peak_mb < 150


async def test_body_size_is_bounded_with_a_store_too() -> None:
    async with sending(200, *BODIES["without end"]) as url:
        _, reason, _, peak_mb = await in_a_process_of_its_own(url, calls=4, most=16 * MIB)
    assert reason == FailReason.BAD_RESPONSE
    assert peak_mb < 150


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(WHOLE)),
        ("x-gzip", gzip.compress(WHOLE)),
        ("GZIP", gzip.compress(WHOLE)),
        ("gzip", gzip.compress(WHOLE[:9]) + gzip.compress(WHOLE[9:]) + b"\0\0"),
        ("deflate", zlib.compress(WHOLE)),
        ("deflate", deflated(WHOLE, -15)),
        ("identity", WHOLE),
        ("", WHOLE),
    ],
)
async def test_an_encoded_answer_is_read(encoding: str, body: bytes) -> None:
    async with tiny_provider(in_turn(http(200, body, content_encoding=encoding))) as tiny:
        result = await ask(tiny.base_url)
    assert isinstance(result, Answer)
    assert result.response == ANSWER
    assert tiny.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("br", b"\x0b\x02\x80{}\x03", "Content-Encoding 'br' was not asked for"),
        ("zstd", b"\x28\xb5\x2f\xfd", "Content-Encoding 'zstd' was not asked for"),
        ("gzip, br", b"x", "was not asked for"),
        ("gzip", WHOLE, "cannot be decompressed"),
        ("gzip", gzip.compress(WHOLE)[:-12], "is cut off"),
        ("deflate", b"\xff\xff", "cannot be decompressed"),
    ],
)
async def test_an_undecodable_answer_is_kept_and_not_retried(
    encoding: str, body: bytes, expected: str
) -> None:
    async with working(in_turn(http(200, body, content_encoding=encoding))) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 1
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, expected in failed.message) == (FailReason.BAD_RESPONSE, True)
    (call,) = calls(records)
    assert call.response_raw is not None


async def test_a_refusal_in_a_strange_encoding_is_still_one() -> None:
    async with tiny_provider(in_turn(http(401, b"\x0b\x02\x80{}\x03", content_encoding="br"))) as tiny:
        result = await ask(tiny.base_url)
    assert isinstance(result, Reject)
    assert result.reason is FailReason.AUTHENTICATION


async def test_an_error_larger_than_any_record_is_cut() -> None:
    body = {"detail": [{"msg": "bad", "input": "x" * (12 * MIB)}]}
    async with working(in_turn(http(422, body))) as (_, worker):
        records = await worker.do()
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert failed.reason is FailReason.BAD_REQUEST
    assert failed.message.startswith('tiny answered 422: {"detail"')
    (call,) = calls(records)
    assert call.response is None
    assert call.response_raw is not None
    assert (len(call.response_raw.content), call.response_raw.whole) == (64 * 1024, False)
    assert all(len(record.value or b"") < 200_000 for record in records)


async def test_a_large_error_is_read_and_then_cut() -> None:
    body = {"error": {"message": "wrong", "code": "invalid_api_key", "input": "x" * 100_000}}
    async with tiny_provider(in_turn(http(400, body))) as tiny:
        result = await ask(tiny.base_url)
    assert isinstance(result, Reject)
    assert (result.reason, result.response) == (FailReason.AUTHENTICATION, None)
    assert result.raw is not None
    assert not result.raw.whole


@pytest.mark.parametrize(("most", "kind"), [(5 * MIB, Answer), (4 * MIB, Reject)])
async def test_a_large_answer_is_accepted_with_a_store(most: int, kind: type) -> None:
    body = {**ANSWER, "pad": "x" * (4 * MIB)}
    async with tiny_provider(in_turn(http(200, body))) as tiny:
        result = await ask(tiny.base_url, most_bytes=most)
    assert type(result) is kind
    if isinstance(result, Failure):
        assert "answered more than 4,194,304 bytes" in result.message
        assert "POINTSMAN_CLAIMS" in result.message


async def test_an_answer_about_a_person_is_limited_as_without_a_store() -> None:
    body = {**ANSWER, "pad": "x" * (4 * MIB)}
    async with tiny_provider(in_turn(http(200, body))) as tiny:
        provider = Provider(
            ProviderRow(name="tiny", base_url=tiny.base_url),
            SecretStr("none"),
            max_in_flight=1,
            most_bytes=8 * MIB,
        )
        result = await provider.call({}, job_id=UUID(int=7), agent_id="tester", in_record=True)
        await provider.close()
    assert isinstance(result, Reject)


UNHOLDABLE = {
    "NUL": (b'{"content": "a\\u0000b"}', "a\ufffdb"),
    "half a pair": (b'{"content": "a\\ud83db"}', "a\ufffdb"),
    "infinity": (b'{"content": "ab", "x": -Infinity}', "ab"),
    "a long integer": (b'{"content": "ab", "x": 123456789012345678901}', "ab"),
    "depth": (b'{"content": "ab", "x": ' + b"[" * 65 + b"]" * 65 + b"}", "ab"),
    "no UTF-8": (b'{"content": "a\xffb"}', "a\ufffdb"),
}


@pytest.mark.parametrize("name", UNHOLDABLE)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_an_answer_that_no_record_can_hold_is_delivered_once_and_kept_as_it_came(
    name: str, mark: bytes
) -> None:
    message, text = UNHOLDABLE[name]
    body = mark + WHOLE.replace(b'{"role": "assistant", "content": "4"}', message)
    async with working(in_turn(http(200, body))) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 1
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    assert done.response["choices"][0]["message"]["content"] == text
    assert done.usage is not None
    (call,) = calls(records)
    assert call.response == done.response
    raw = call.response_raw
    assert raw is not None
    assert raw.whole
    assert body == (base64.b64decode(raw.content) if raw.encoding == "base64" else raw.content.encode())


async def test_an_unreadable_choice_is_paid_for_once() -> None:
    body = b'{"choices": [' + b"[" * 70 + b"]" * 70 + b'], "usage": {"prompt_tokens": 9}}'
    async with working(in_turn(http(200, body))) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 1
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert failed.reason is FailReason.BAD_RESPONSE
    (call,) = calls(records)
    assert call.response_raw is not None
    assert call.response_raw.content == body.decode()


async def test_an_html_page_instead_of_an_answer_is_kept() -> None:
    page = b"<html><body><h1>Log in to the corporate proxy</h1></body></html>"
    async with tiny_provider(in_turn(http(200, page))) as tiny:
        result = await ask(tiny.base_url)
    assert isinstance(result, Retry)
    assert "it begins: <html><body><h1>Log in" in result.message
    assert result.raw is not None
    assert result.raw.content == page.decode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    elsewhere: list[Asked] = []

    def caught(asked: Asked) -> bytes:
        elsewhere.append(asked)
        return http()

    async with tiny_provider(caught) as other:
        away = http(status, b"", location=f"{other.base_url}/chat/completions")
        async with working(in_turn(away), row={"headers": {"x-secret": "tenant-seven"}}) as (tiny, worker):
            records = await worker.do()
    assert (len(tiny.asked), elsewhere) == (1, [])
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert failed.reason is FailReason.BAD_RESPONSE
    assert failed.message.startswith(f"tiny answered {status}: a redirect to {other.base_url}/chat")
    assert "none is followed" in failed.message
