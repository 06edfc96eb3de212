"""The same by HTTP, for a gateway that speaks OpenAI's chat format."""

import asyncio
import time

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from pointsman.bench.whole.load import Level, LoadSpan, prompt

_MODEL = "gpt-4.1-mini"


async def run(url: str, level: Level, seconds: float) -> LoadSpan:
    """That much for so long; every answer counts, and what is no answer is lost."""
    span = LoadSpan(seconds, [])
    connector, timeout = TCPConnector(limit=0), ClientTimeout(total=60)
    async with ClientSession(connector=connector, timeout=timeout) as session:

        async def one(number: int) -> None:
            body = {"model": _MODEL, "messages": [{"role": "user", "content": prompt(number)}]}
            began = time.perf_counter()
            try:
                async with session.post(f"{url.rstrip('/')}/chat/completions", json=body) as answer:
                    await answer.read()
                    answer.raise_for_status()
            except (ClientError, TimeoutError):
                span.lost += 1
            else:
                span.took_ms.append((time.perf_counter() - began) * 1000)

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
