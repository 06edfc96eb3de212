"""A bare asyncio loop around the official SDK: what a worker does, without a log, a lane or an outcome.

`python -m pointsman.bench.worker.bare BASE_URL LIMIT REQUESTS` reads requests from a file, one JSON object a
line. It does a few of them to be warm and says so, waits for a line on stdin, does all of them, `LIMIT` at
once, and prints seconds and processor seconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import uvloop

_WARM = 200


async def work(base_url: str, limit: int, requests: list[dict[str, Any]]) -> None:
    """Do them twice: some to be warm, all to be measured."""
    connections = httpx2.Limits(max_connections=limit, max_keepalive_connections=limit)
    http = openai.DefaultAioHttpClient(limits=connections)  # the worker's transport, not the slower default
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="none", max_retries=0, http_client=http
    ) as client:
        await _all(client, limit, requests[:_WARM])
        _say({"warm": True})
        await asyncio.to_thread(sys.stdin.readline)
        started, busy = time.perf_counter(), time.process_time()
        await _all(client, limit, requests)
        _say({"seconds": time.perf_counter() - started, "busy_s": time.process_time() - busy})


async def _all(client: openai.AsyncOpenAI, limit: int, requests: Iterable[dict[str, Any]]) -> None:
    left = iter(requests)
    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(_one_by_one(client, left))


async def _one_by_one(client: openai.AsyncOpenAI, left: Iterator[dict[str, Any]]) -> None:
    for request in left:
        await client.chat.completions.create(**request, timeout=None)


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    lines = Path(sys.argv[3]).read_text("utf-8").splitlines()
    uvloop.run(work(sys.argv[1], int(sys.argv[2]), [json.loads(line) for line in lines]))
