"""A gateway that shuts down refuses new requests and tells clients that wait too long."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import httpx2
import pytest

from pointsman.bus.read.follow import follow
from pointsman_schemas.base import Json
from pointsman_schemas.topics import Topics
from tests.support.gateway.alone import LONG_S, Gateway, lone_gateway
from tests.support.running.servers import Servers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

ROUTES: dict[str, Json] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
}


@pytest.fixture
def gateway(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with lone_gateway(stack, tmp_path_factory.mktemp("gateway"), grace_s=3) as made:
        yield made


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=LONG_S) as made:
        yield made


async def sent(gateway: Gateway, jobs: int) -> None:
    """Returns once there are this many jobs on the intake."""
    intake = Topics(gateway.kafka.prefix).intake.name
    async with aclosing(follow(gateway.kafka.settings, [intake], start="beginning")) as records:
        for _ in range(jobs):
            await anext(records)


async def test_waiting_clients_are_told_of_the_shutdown(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    streams_begun = asyncio.Barrier(len(ROUTES) + 1)

    async def stream(route: str) -> str:
        body = {"model": "auto", "stream": True, **ROUTES[route]}
        async with client.stream("POST", route, json=body) as response:
            assert response.status_code == 200
            await streams_begun.wait()
            return "".join([text async for text in response.aiter_text()])

    streams = {route: asyncio.create_task(stream(route)) for route in ROUTES}
    wholes = {
        route: asyncio.create_task(client.post(route, json={"model": "auto", **body}))
        for route, body in ROUTES.items()
    }
    await streams_begun.wait()
    await sent(gateway, len(streams) + len(wholes))
    assert gateway.child is not None
    gateway.child.send_signal(signal.SIGTERM)

    for route, whole in wholes.items():
        response = await whole
        assert (response.status_code, response.headers["retry-after"]) == (503, "1"), route
        assert response.headers["x-pointsman-job-id"]
        assert "this process shuts down" in response.text
    for route, text in streams.items():
        *_, last = (await text).strip().split("\n\n")
        assert "this process shuts down" in last, route
    assert await asyncio.to_thread(gateway.child.wait, LONG_S) == 0
