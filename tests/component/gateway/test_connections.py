"""Ten thousand idle connections to the gateway, and more than its limit of open files."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import psutil
import pytest

from tests.support.gateway.alone import LONG_S, MIB, Gateway, lone_gateway
from tests.support.running.servers import Servers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

CONNECTIONS = 10_000
PATIENT_S = 300


@contextmanager
def idle(gateway: Gateway, number: int) -> Iterator[None]:
    """Keeps this many idle connections open."""
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(gateway.place, timeout=LONG_S))
        yield


def test_ten_thousand_idle_connections(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("gateway")
    with lone_gateway(stack, folder, head_s=PATIENT_S) as gateway:
        before = gateway.memory
        with idle(gateway, CONNECTIONS):
            assert asyncio.run(gateway.answers())  # so all earlier connections were accepted
            assert psutil.Process(gateway.pid).num_fds() > CONNECTIONS
            assert gateway.memory - before < 150 * MIB
        assert asyncio.run(gateway.answers())


def test_more_connections_than_open_files_leave_enough_for_requests(
    stack: Servers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gateway")
    with lone_gateway(stack, folder, head_s=PATIENT_S, open_files=700) as gateway:
        with httpx2.Client(base_url=gateway.url, timeout=LONG_S) as client:
            assert client.get("/v1/models").status_code == 200
            with idle(gateway, 900):
                body = {"model": "auto", "input": "Hi"}
                sent = client.post("/v1/responses", json=body, headers={"prefer": "respond-async"})
                assert sent.status_code == 202
                assert psutil.Process(gateway.pid).num_fds() < 400
        assert asyncio.run(gateway.answers())
