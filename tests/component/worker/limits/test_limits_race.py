"""Eight processes compete for one budget while some are killed: it is never exceeded."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pointsman.bus.admin.topics import apply
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack

WINDOW_S = 2.0
REQUESTS = LimitDeclared(process="t", budget="requests", limit=20, window_s=WINDOW_S, slack_s=0.5)
TOKENS = LimitDeclared(process="t", budget="tokens", limit=1_440, window_s=WINDOW_S, slack_s=0.5)
USD = LimitDeclared(process="t", budget="usd", limit=1_000, window_s=None, refuses=True)


@dataclass
class Arrivals:
    """The calls that arrived: time and amount."""

    port: int = 0
    calls: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def most_in_any(self, span_s: float, name: str) -> int:
        """The largest sum over any span of this length."""
        return max(
            sum(call.get(name, 1) for at, call in self.calls if first <= at < first + span_s)
            for first, _ in self.calls
        )


@asynccontextmanager
async def arrivals(answer_after_s: float = 0.0) -> AsyncIterator[Arrivals]:
    recorder = Arrivals()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line:
            recorder.calls.append((time.monotonic(), json.loads(line)))
            await asyncio.sleep(answer_after_s)
            writer.write(b"done\n")
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        recorder.port = server.sockets[0].getsockname()[1]
        yield recorder


class Callers:
    """Processes that call; `said` has the results that surviving processes reported."""

    def __init__(self, kafka: Kafka, port: int, declared: Sequence[LimitDeclared], **order: Any) -> None:
        declarations = [declaration.model_dump(mode="json") for declaration in declared]
        self._order = {
            "kafka": kafka.bootstrap,
            "prefix": kafka.prefix,
            "port": port,
            "declared": declarations,
            **order,
        }
        self.said: list[str] = []
        self._readers: set[asyncio.Task[None]] = set()

    async def start(self, name: str) -> asyncio.subprocess.Process:
        order = json.dumps({**self._order, "process": name})
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.worker.limited_caller", order, stdout=asyncio.subprocess.PIPE
        )
        self._readers.add(asyncio.create_task(self._read(program)))
        return program

    async def ended(self) -> None:
        await asyncio.gather(*self._readers)

    async def _read(self, program: asyncio.subprocess.Process) -> None:
        assert program.stdout is not None
        async for line in program.stdout:
            self.said.append(json.loads(line)["said"])
        await program.wait()


async def test_requests_and_tokens_are_never_more_than_allowed_in_any_window(kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).limits])
    async with arrivals() as recorder:
        callers = Callers(
            kafka,
            recorder.port,
            [REQUESTS, TOKENS],
            calls=8,
            wants={"requests": 1, "tokens": 80},
            used={"tokens": 60},
        )
        programs = [await callers.start(f"p{number}") for number in range(8)]
        async with asyncio.timeout(200):
            while len(recorder.calls) < 20:  # noqa: ASYNC110  # another process fills it
                await asyncio.sleep(0.05)
        alive = [program for program in programs if program.returncode is None]
        for number, program in enumerate(random.Random(7).sample(alive, 2)):
            program.kill()
            await callers.start(f"again{number}")
        async with asyncio.timeout(200):
            await callers.ended()
    assert recorder.most_in_any(WINDOW_S, "requests") <= REQUESTS.limit
    assert recorder.most_in_any(WINDOW_S, "tokens") <= TOKENS.limit
    assert len(recorder.calls) >= 8 * 8
    assert set(callers.said) == {"done"}


async def test_money_is_never_spent_beyond_the_ceiling(kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).limits])
    async with arrivals(answer_after_s=0.05) as recorder:
        callers = Callers(kafka, recorder.port, [USD], calls=12, wants={"usd": 100}, used={"usd": 17})
        for number in range(8):
            await callers.start(f"p{number}")
        async with asyncio.timeout(200):
            await callers.ended()
    spent = sum(call["usd"] for _, call in recorder.calls)
    assert spent <= USD.limit
    assert spent > USD.limit - 100, "what is left is less than a call may cost"
    assert len(callers.said) == 96
    assert set(callers.said) == {"done", "no room: usd"}
