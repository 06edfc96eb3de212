"""Abusive clients of the gateway get a clear answer or a closed connection, and cannot make it grow."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from uuid import UUID

import pytest

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.runtime.clock import utc_now
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics
from tests.support.gateway.alone import LONG_S, MIB, Gateway, lone_gateway
from tests.support.running.servers import Servers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

CONNECTIONS = 2_000
GET = b"GET /v1/models HTTP/1.1\r\nhost: here\r\n\r\n"
LAST = GET.replace(b"host", b"connection: close\r\nhost")
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\n"
IN_CHUNKS = b"transfer-encoding: chunked\r\n\r\n"
CHUNK = b"100000\r\n" + b"x" * MIB + b"\r\n"


@pytest.fixture(scope="module")
def gateway(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with lone_gateway(stack, tmp_path_factory.mktemp("gateway")) as made:
        yield made


def post(content: bytes, *headers: bytes) -> bytes:
    length = b"content-length: %d\r\nconnection: close\r\n" % len(content)
    return POST + length + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + content


def asking(**fields: object) -> bytes:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hi"}], **fields}).encode()


async def test_idle_connections_are_closed_and_cost_little(gateway: Gateway) -> None:
    before = gateway.memory
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(CONNECTIONS):
            reader, _writer = await stack.enter_async_context(gateway.connection())
            readers.append(reader)
        assert await gateway.answers()
        assert gateway.memory - before < 150 * MIB

        async def closed(reader: asyncio.StreamReader) -> bool:
            with contextlib.suppress(ConnectionError):
                return await reader.read() == b""
            return True

        async with asyncio.timeout(LONG_S):
            assert all(await asyncio.gather(*(closed(reader) for reader in readers)))
    assert await gateway.answers()


SHAPES = {
    "broken utf-8": (post(b'{"model":"\xff"}'), b"400", "not_utf8"),
    "deep": (post(b"[" * 100_000), b"400", None),
    "deep object": (post(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), b"400", "too_deep"),
    "not json": (post(b"{"), b"400", "not_json"),
    "huge model": (post(asking(model="m" * 1_000_000)), b"404", "model_not_found"),
    "model is a list": (post(asking(model=[["x"]])), b"400", "invalid_type"),
    "too large": (post(asking(x="x" * 3 * MIB)), b"413", "too_large"),
    "too large in chunks": (POST + IN_CHUNKS + CHUNK * 5 + b"0\r\n\r\n", b"413", "too_large"),
    "larger than is read at all": (POST + b"content-length: 5000000000\r\n\r\n{", b"413", "too_large"),
    "ends too late": (POST + b"content-length: 100\r\n\r\n{", b"408", "body_too_slow"),
    "a method": (LAST.replace(b"GET", b"BREW"), b"4", None),
    "a path": (LAST.replace(b"/v1/models", b"/%ff%00/../\xc3\xa9?x=%0d%0a"), b"40", None),
    "no http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 99 + b"\r\n\r\n", b"400", None),
    "two lengths": (POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\n{}", b"400", None),
    "length and chunks": (POST + b"content-length: 5\r\n" + IN_CHUNKS + b"0\r\n\r\n", b"400", None),
    "a header of two lines": (post(asking(), b"x-pointsman-kind: a\n\rb: c"), b"400", None),
    "order key": (post(asking(), b"x-pointsman-order-key: " + b"\xe9" * 2_000), b"400", None),
    "deadline": (post(asking(), b"x-pointsman-deadline: -1e999"), b"400", None),
    "deadline nan": (post(asking(), b"x-pointsman-deadline: nan"), b"400", None),
    "deadline in words": (post(asking(), b"x-pointsman-deadline: \xe9"), b"400", None),
    "a long key": (post(asking(), b"idempotency-key: " + b"k" * 300), b"400", "invalid_value"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
async def test_invalid_requests_get_a_clear_error(gateway: Gateway, shape: str) -> None:
    sent, status, code = SHAPES[shape]
    answer = await gateway.told(sent)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nb: c" not in answer
    if code is not None:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == code
    assert len(answer) < 100_000


async def test_pipelined_requests_are_answered_in_their_order(gateway: Gateway) -> None:
    answer = await gateway.told(GET * 30 + LAST.replace(b"models", b"nothing"))
    assert answer.count(b"HTTP/1.1 200") == 30
    assert answer.rindex(b"HTTP/1.1 404") > answer.rindex(b"HTTP/1.1 200")


async def test_an_endless_body_is_not_read_for_ever(gateway: Gateway) -> None:
    before = gateway.memory
    answer = await gateway.told(POST + IN_CHUNKS, *[CHUNK] * 200)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")
    assert gateway.memory - before < 100 * MIB
    assert await gateway.answers()


def piece(topics: Topics, job_id: UUID, index: int, text: str) -> Outgoing:
    event = {"choices": [{"index": 0, "delta": {"content": text}}]}
    chunk = JobChunk(job_id=job_id, agent_id="app", call=UUID(int=1), index=index, events=(event,))
    now = utc_now()
    envelope = first_envelope(
        uuid7(now), source="t", type=chunk.TYPE, time=now, agent_id="app", job_id=job_id
    )
    return emit(topics.chunks, str(job_id).encode(), envelope, chunk)


async def test_a_client_that_never_reads_blocks_nobody_and_fills_no_memory(gateway: Gateway) -> None:
    topics = Topics(gateway.kafka.prefix)
    before = gateway.memory
    text = "x" * 400_000
    async with contextlib.AsyncExitStack() as stack, Publisher(gateway.kafka.settings) as publisher:
        job_ids, readers = [], []
        for _ in range(3):
            reader, writer = await stack.enter_async_context(gateway.connection())
            writer.write(post(asking(stream=True)))
            readers.append(reader)
        for reader in readers:
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LONG_S)).decode()
            job_ids.append(UUID(head.partition("x-pointsman-job-id: ")[2][:36]))
            reader._transport.pause_reading()  # type: ignore[attr-defined]
        for job_id in job_ids:
            await publisher.publish([piece(topics, job_id, index, text) for index in range(24)])
        assert await gateway.answers()
        assert gateway.memory - before < 300 * MIB
    assert await gateway.answers()
