"""What `bench whole` counts: the broker's requests in between, and a gateway's answers by HTTP."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import typer
from aiohttp import web

from pointsman.bench.whole import http_load
from pointsman.bench.whole.http_load import HttpTarget
from pointsman.bench.whole.load import Level, prompt
from pointsman.bench.whole.peer import Peer
from pointsman.bench.whole.requests import RequestCost, between
from pointsman.cli.bench.peers import peers_of
from pointsman.cli.bench.whole import numbers


def test_requests_in_between_are_those_of_after_without_those_of_before() -> None:
    before = {"Fetch": RequestCost(10, 5.0), "Metadata": RequestCost(3, 3.0)}
    after = {"Fetch": RequestCost(30, 15.0), "Metadata": RequestCost(3, 3.0), "EndTxn": RequestCost(2, 4.0)}
    assert between(before, after) == {"Fetch": RequestCost(20, 10.0), "EndTxn": RequestCost(2, 4.0)}


def test_levels_are_numbers_above_0() -> None:
    assert numbers("20, 100,", "--rates") == [20, 100]
    assert numbers("", "--rates") == []
    for text in ("0", "-1", "ten", "1.5"):
        with pytest.raises(typer.BadParameter, match="such as 20,100"):
            numbers(text, "--rates")


def test_prompts_are_a_kilobyte_and_differ() -> None:
    prompts = [prompt(number) for number in range(20)]
    assert len(set(prompts)) == 20
    assert all(1_000 <= len(text) < 1_100 for text in prompts)


async def test_a_peers_processor_time_is_that_of_who_listens_there(url: str) -> None:
    (peer,) = peers_of([url], ["x-provider: openai", "authorization:Bearer key"])
    assert peer.processes() == {str(os.getpid()): os.getpid()}
    assert peer.headers == {"x-provider": "openai", "authorization": "Bearer key"}
    assert Peer("http://127.0.0.1:1/v1").processes() == {}
    with pytest.raises(typer.BadParameter, match="`x` is no `NAME: VALUE`"):
        peers_of([url], ["x"])


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A gateway that answers every other request, and says 500 to the others."""
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        assert (await request.json())["messages"][0]["role"] == "user"
        return web.json_response({}, status=200 if asked % 2 else 500)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("level", [Level(rate=40), Level(outstanding=4)])
async def test_what_a_gateway_answers_counts_and_what_it_refuses_is_lost(url: str, level: Level) -> None:
    span = await asyncio.wait_for(http_load.run(HttpTarget(url), level, 0.5), 60)
    assert span.took_ms
    assert 0 <= len(span.took_ms) - span.lost <= 1
    if level.rate:
        assert len(span.took_ms) + span.lost == 20


async def test_a_stream_counts_when_it_ends_as_it_should() -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        assert (await request.json())["stream"] is True
        end = b"data: [DONE]\n\n" if asked % 2 else b""
        return web.Response(body=b"data: {}\n\n" + end, content_type="text/event-stream")

    app = web.Application()
    app.router.add_post("/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        target = HttpTarget(f"http://127.0.0.1:{runner.addresses[0][1]}", stream=True)
        span = await asyncio.wait_for(http_load.run(target, Level(rate=40), 0.5), 60)
    finally:
        await runner.cleanup()
    assert len(span.took_ms) == span.lost == 10
