"""The whole system with a gateway, once per file, called with the official SDKs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from pointsman.dev.services.processes import wait_ready
from tests.conftest import empty_database
from tests.support.running.servers import Servers
from tests.support.running.system import System


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Every service as a separate process, once per module."""
    folder = tmp_path_factory.mktemp("gateway")
    async with empty_database(stack) as database:
        started = System(folder, stack.bootstrap, database, f"t{token_hex(4)}", gateway=True)
        try:
            await started.start()
            yield started
        finally:
            started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def second(system: System) -> AsyncIterator[str]:
    """A second gateway process."""
    if "gateway-2" not in system.processes:
        system.add("gateway-2", like="gateway")
    elif system.processes["gateway-2"].ended():
        system.processes["gateway-2"].start()
    await asyncio.to_thread(wait_ready, [system.processes["gateway-2"]])
    yield "gateway-2"
    await system.order_faults()


def base_url(system: System, name: str = "gateway") -> str:
    return f"{system.processes[name].url}/v1"


@asynccontextmanager
async def openai_of(system: System, name: str = "gateway", **options: object) -> AsyncIterator[AsyncOpenAI]:
    """The official client, in which only the base URL is changed."""
    async with AsyncOpenAI(base_url=base_url(system, name), api_key="any", **options) as client:  # type: ignore[arg-type]
        yield client
