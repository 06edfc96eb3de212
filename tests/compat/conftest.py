"""One system for all frameworks, and code that their tests share."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
import pytest_asyncio
from pydantic import BaseModel, Field

from tests.conftest import empty_database
from tests.support.running.servers import Servers
from tests.support.running.system import System

#: The simulated models call the tool that a user's message names like this, and answer with its result.
ASKED = "What is the weather in Bergen? [tool:weather]"
KEY = "any"


class Forecast(BaseModel):
    """What is asked for as a structured answer."""

    town: str = Field(max_length=80)
    degrees: int = Field(ge=-60, le=60)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Every service as a process of its own, for all tests."""
    async with empty_database(stack) as database:
        folder = tmp_path_factory.mktemp("compat")
        started = System(folder, stack.bootstrap, database, f"t{token_hex(4)}", gateway=True)
        try:
            await started.start()
            yield started
        finally:
            started.stop()


@pytest.fixture(scope="session")
def origin(system: System) -> str:
    """Where Anthropic's clients are sent."""
    return system.processes["gateway"].url


@pytest.fixture(scope="session")
def base_url(origin: str) -> str:
    """Where OpenAI's clients are sent."""
    return f"{origin}/v1"


@pytest.fixture
def towns() -> list[str]:
    """What the tool of a test was called with."""
    return []
