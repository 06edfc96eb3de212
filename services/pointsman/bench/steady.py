"""Submit jobs at a steady rate through a client, and time each."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any
from uuid import UUID

from rich.table import Table

from pointsman.bench.columns import columns
from pointsman.client import Client
from pointsman.dev import samples


@dataclass(frozen=True, slots=True)
class Times:
    """Durations in milliseconds."""

    p50: float
    p99: float
    longest: float


async def at_rate(client: Client, rate: float, seconds: float, **fields: Any) -> dict[UUID, float]:
    """Submit the sample jobs in turn, with `fields` in each. Returns the milliseconds of `submit` by job."""
    bodies = [{**job, "agent_id": "bench", **fields} for job in samples.load()]
    took: dict[UUID, float] = {}

    async def one(body: dict[str, Any]) -> None:
        began = time.perf_counter()
        outcome = await client.submit(body)
        took[outcome.job_id] = (time.perf_counter() - began) * 1000

    began = time.perf_counter()
    async with asyncio.TaskGroup() as running:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            running.create_task(one(bodies[number % len(bodies)]))
    return took


def compared(first: str, rows: Iterable[tuple[str, int, Times, Times]]) -> Table:
    """Return a table: per row the number of jobs, and their times alone and beside other load."""
    table = columns(first, "jobs", "p50 ms alone", "beside it", "p99 ms alone", "beside it", "ratio")
    for name, jobs, alone, beside in rows:
        times = (alone.p50, beside.p50, alone.p99, beside.p99)
        table.add_row(name, f"{jobs:,}", *(f"{ms:.1f}" for ms in times), f"{beside.p99 / alone.p99:.2f}")
    return table


def times_of(values: Sequence[float]) -> Times:
    """Summarise at least two durations in milliseconds."""
    cuts = quantiles(values, n=100, method="inclusive")
    return Times(cuts[49], cuts[98], max(values))
