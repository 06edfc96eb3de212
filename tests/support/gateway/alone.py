"""A gateway without router or workers: its jobs are never answered."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex

import httpx2
import psutil

from pointsman import starter
from pointsman.bus.admin.topics import apply
from pointsman.dev.ports import free_port
from pointsman.dev.services.processes import Process, stop, wait_ready
from pointsman.registry.agents_file import load
from pointsman.registry.publish import apply_file
from pointsman.router.policy.policy_file import load_text
from pointsman.router.policy_publisher import publish_policy
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.servers import Servers
from tests.support.running.system import TIERS

LONG_S = 60
MIB = 1024 * 1024


class Gateway(Process):
    """A gateway process with short timeouts."""

    kafka: Kafka

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "tests.support.gateway.impatient"],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(*self.place)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def told(self, *sent: bytes) -> bytes:
        """Everything the gateway sends until it closes the connection, for at most `LONG_S` seconds."""
        async with self.connection() as (reader, writer):
            with contextlib.suppress(ConnectionError):
                for part in sent:
                    writer.write(part)
                    await writer.drain()
            answer = b""
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(LONG_S):
                    while part := await reader.read(MIB):
                        answer += part
            return answer

    async def answers(self) -> bool:
        async with httpx2.AsyncClient(timeout=LONG_S) as client:
            return (await client.get(f"{self.url}/v1/models")).status_code == 200


async def apply_policy(kafka: KafkaPart, topics: Topics) -> None:
    """Publishes a policy like a starting router; a gateway is not ready before."""
    await publish_policy(kafka, topics, *load_text(starter.POLICY), utc_now)


@contextmanager
def lone_gateway(
    stack: Servers, folder: Path, *, grace_s: int = 1, head_s: int = 4, open_files: int = 0
) -> Iterator[Gateway]:
    """Runs a gateway with its own topics until it is ready; all callers are the agent `app`.

    `head_s`: time limit for a request's head. `open_files`: the process's limit of open files, if not 0.
    """
    kafka = Kafka(stack.bootstrap, f"t{token_hex(4)}")
    topics, port = Topics(kafka.prefix), free_port()
    environment = {
        "POINTSMAN_KAFKA": kafka.bootstrap,
        "POINTSMAN_PREFIX": kafka.prefix,
        "POINTSMAN_GATEWAY_AGENT": "app",
        "POINTSMAN_HTTP_HOST": "127.0.0.1",
        "POINTSMAN_HTTP_PORT": str(port),
        "POINTSMAN_GRACE_S": str(grace_s),
        "HEAD_S": str(head_s),
        "OPEN_FILES": str(open_files),
    }
    made = Gateway("gateway", [], environment, folder / "log", f"http://127.0.0.1:{port}")
    made.kafka = kafka

    async def prepare() -> None:
        await apply(kafka.settings, topics.all(TIERS))
        await apply_file(kafka.settings, topics, load(starter.AGENTS, TIERS), by="tests")
        await apply_policy(kafka.settings, topics)

    asyncio.run(prepare())
    made.start()
    try:
        wait_ready([made])
        yield made
    finally:
        stop([made])
