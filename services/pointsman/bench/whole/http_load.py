"""Load by HTTP, for any server that speaks OpenAI's chat format: complete answers, or streams."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from pointsman.bench.whole.load import Level, LoadSpan, prompt

#: The last event of a complete stream.
_END = b"data: [DONE]"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """`url` is the base URL. `stream`: ask for streams, and measure the time until the first event."""

    url: str
    model: str = "auto"
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


async def run(target: HttpTarget, level: Level, seconds: float) -> LoadSpan:
    """Apply the load for `seconds`. Every answer counts; an incomplete one counts as lost."""
    span = LoadSpan(seconds, [])
    connector, timeout = TCPConnector(limit=0), ClientTimeout(total=60)
    url = f"{target.url.rstrip('/')}/chat/completions"
    headers = {"authorization": "Bearer any", "content-type": "application/json", **target.headers}
    async with ClientSession(connector=connector, timeout=timeout, headers=headers) as session:

        async def one(number: int) -> None:
            body: dict[str, Any] = {
                "model": target.model,
                "messages": [{"role": "user", "content": prompt(number)}],
            }
            if target.stream:
                body["stream"] = True
            began = time.perf_counter()
            try:
                async with session.post(url, data=orjson.dumps(body)) as answer:
                    answer.raise_for_status()
                    ended = await (_streamed(answer) if target.stream else _whole(answer))
            except (ClientError, TimeoutError, ValueError):
                span.lost += 1
            else:
                span.took_ms.append((ended - began) * 1000)

        async def one_after_another(first: int) -> None:
            number = first
            while time.perf_counter() - began < seconds:
                await one(number)
                number += level.outstanding

        began = time.perf_counter()
        async with asyncio.TaskGroup() as running:
            for number in range(level.outstanding):
                running.create_task(one_after_another(number))
            for number in range(int(level.rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / level.rate - time.perf_counter()))
                running.create_task(one(number))
        span.seconds = time.perf_counter() - began
    return span


async def _whole(answer: ClientResponse) -> float:
    await answer.read()
    return time.perf_counter()


async def _streamed(answer: ClientResponse) -> float:
    """Return the time of the first event.

    Raises:
        ValueError: the stream has no event with data, or is incomplete.
    """
    first = None
    last = b""
    async for line in answer.content:
        if line.startswith(b"data: {") and first is None:
            first = time.perf_counter()
        last = line.strip() or last
    if first is None or last != _END:
        raise ValueError("no whole stream")
    return first
