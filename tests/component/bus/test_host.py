"""A process ends when its service has failed, so that a supervisor restarts it."""

import asyncio
import sys

from pointsman.bus.admin.topics import apply
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka


async def test_a_service_that_ends_by_itself_ends_the_process_with_an_error(kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).results])
    command = ("-m", "tests.support.bus.broken_service", kafka.bootstrap, kafka.prefix)
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    try:
        async with asyncio.timeout(120):
            assert await process.wait() == 1
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
