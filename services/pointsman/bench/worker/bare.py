"""A bare asyncio loop around the worker's HTTP library: the same calls, without log, lanes or outcomes.

`python -m pointsman.bench.worker.bare BASE_URL LIMIT REQUESTS` reads requests from a file, one JSON object
per line. It makes a few calls to warm up and reports that, waits for a line on stdin, makes all calls,
`LIMIT` at once, and prints seconds and processor seconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

_WARM = 200


async def work(base_url: str, limit: int, requests: list[dict[str, Any]]) -> None:
    """Make the calls twice: some to warm up, then all of them, measured."""
    async with aiohttp.ClientSession(
        f"{base_url}/",
        connector=aiohttp.TCPConnector(limit=limit),
        headers={"authorization": "Bearer none", "content-type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None),
    ) as client:
        await _all(client, limit, requests[:_WARM])
        _print_json({"warm": True})
        await asyncio.to_thread(sys.stdin.readline)
        started, busy = time.perf_counter(), time.process_time()
        await _all(client, limit, requests)
        _print_json({"seconds": time.perf_counter() - started, "busy_s": time.process_time() - busy})


async def _all(client: aiohttp.ClientSession, limit: int, requests: Iterable[dict[str, Any]]) -> None:
    left = iter(requests)
    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(_one_by_one(client, left))


async def _one_by_one(client: aiohttp.ClientSession, left: Iterator[dict[str, Any]]) -> None:
    for request in left:
        async with client.post("chat/completions", data=orjson.dumps(request)) as response:
            response.raise_for_status()
            orjson.loads(await response.read())


def _print_json(figures: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    lines = Path(sys.argv[3]).read_text("utf-8").splitlines()
    uvloop.run(work(sys.argv[1], int(sys.argv[2]), [json.loads(line) for line in lines]))
