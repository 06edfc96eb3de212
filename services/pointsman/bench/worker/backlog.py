"""Measure whether a worker's memory grows with its backlog."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pointsman.bench.hop.raw import fill
from pointsman.bench.simulated import Simulated
from pointsman.bench.worker.jobs import routed_jobs
from pointsman.bench.worker.process import TIER, Under, peak_mb, worker
from pointsman.bus.admin.topics import apply
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

_LIMIT = 64
_LATENCY_MS = 200


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting` jobs of `bytes_each`, written in `fill_s`; a worker did `done` of them in `seconds`."""

    waiting: int
    bytes_each: float
    fill_s: float
    seconds: float
    done: int
    peak_memory_mb: float


async def backlog(
    kafka: KafkaPart,
    folder: Path,
    provider: Simulated,
    *,
    waiting: int,
    seconds: float,
    say: Callable[[str], None],
) -> Backlog:
    """Write `waiting` jobs, then run one worker on them for `seconds`."""
    topics = Topics("backlog")
    tier = topics.tier(TIER)
    await apply(kafka, topics.all([TIER]))
    jobs = routed_jobs(TIER, topics)
    say(f"writing {waiting:,} jobs of {jobs.mean_bytes:,.0f} bytes")
    began = time.perf_counter()
    await fill(kafka, tier.name, tier.partitions, jobs.records(waiting))
    filled = time.perf_counter() - began
    provider.order({"effect": {"kind": "latency", "ms": _LATENCY_MS}})
    provider.forget()
    say(f"one worker on them for {seconds:.0f} s, {_LIMIT} calls of {_LATENCY_MS} ms at once")
    with worker(Under(folder, kafka, topics.prefix, provider.url, _LIMIT)) as process:
        await asyncio.sleep(seconds)
        done, peak = provider.stats()["total"], peak_mb(process)
    provider.order()
    return Backlog(waiting, jobs.mean_bytes, filled, seconds, done, peak)
