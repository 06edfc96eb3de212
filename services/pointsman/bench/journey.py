"""`pointsman bench journey`: a job's complete path, from the client through the intake back to the client."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from rich.table import Table

from pointsman.bench.columns import columns
from pointsman.bench.steady import Times, at_rate, times_of
from pointsman.bench.system import RunningSystem, Stopwatch, whole_system
from pointsman.client import Client
from pointsman.store.ask.jobs import Jobs

_WARM_UP_S = 3.0
_AUDIT_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class JourneyReport:
    """`cpu_ms` is processor time per job, by process; `memory_mb` is resident memory at the end."""

    jobs: int
    per_second: float
    whole: Times
    hops: dict[str, Times]
    cpu_ms: dict[str, float]
    memory_mb: dict[str, float]

    @property
    def ours_cpu_ms(self) -> float:
        """Processor milliseconds per job of pointsman's processes: no provider, broker or database."""
        return sum(ms for name, ms in self.cpu_ms.items() if name not in ("simulator", "Kafka", "Postgres"))

    @property
    def all_cpu_ms(self) -> float:
        """Processor milliseconds per job with broker and database, without the provider."""
        return self.ours_cpu_ms + self.cpu_ms["Kafka"] + self.cpu_ms["Postgres"]


def run(rate: int, seconds: float, say: Callable[[str], None]) -> JourneyReport:
    """Send `rate` jobs per second for `seconds`, after a warm-up that is not measured."""
    with whole_system(latency_ms=0, say=say) as whole:
        say(f"{rate} jobs a second for {seconds:.0f} s")
        return asyncio.run(_measure(whole, rate, seconds))


async def _measure(whole: RunningSystem, rate: int, seconds: float) -> JourneyReport:
    async with Client(kafka=whole.kafka, agent_id="bench") as client:
        await at_rate(client, rate, _WARM_UP_S)
        watch = Stopwatch(whole.pids)
        took = await at_rate(client, rate, seconds)
        span, used = watch.stop()
    jobs = len(took)
    hops = await _hops(whole.postgres, took)
    return JourneyReport(
        jobs,
        jobs / span,
        times_of(list(took.values())),
        {name: times_of(times) for name, times in hops.items()},
        {name: seconds / jobs * 1000 for name, seconds in used.items()},
        whole.memory_mb("rss"),
    )


async def _hops(postgres: str, took: Mapping[UUID, float]) -> dict[str, list[float]]:
    """Return the milliseconds of each hop, from the producers' clocks. The way back is what remains."""
    async with Jobs.opened(postgres) as jobs, asyncio.timeout(_AUDIT_WITHIN_S):
        job_hops = await jobs.hops(list(took))
        while sum(hop.ended is not None for hop in job_hops) < len(took):
            await asyncio.sleep(0.2)
            job_hops = await jobs.hops(list(took))
    hops: dict[str, list[float]] = {"router": [], "worker": [], "back to the client": []}
    for hop in job_hops:
        if hop.routed is not None and hop.ended is not None:
            router, worker = _ms(hop.routed - hop.submitted), _ms(hop.ended - hop.routed)
            hops["router"].append(router)
            hops["worker"].append(worker)
            hops["back to the client"].append(took[hop.job_id] - router - worker)
    return hops


def _ms(span: timedelta) -> float:
    return span.total_seconds() * 1000


def tables(report: JourneyReport) -> list[Table]:
    """Return a table of the job's hops and one of the processes."""
    return [_way(report), _processes(report)]


def _way(report: JourneyReport) -> Table:
    title = f"{report.jobs:,} jobs at {report.per_second:.0f} a second"
    table = columns("", "p50 ms", "p99 ms", "longest ms", title=title)
    for name, times in {"submit to outcome": report.whole, **report.hops}.items():
        table.add_row(name, *(f"{ms:.1f}" for ms in (times.p50, times.p99, times.longest)))
    return table


def _processes(report: JourneyReport) -> Table:
    table = columns("process", "CPU ms a job", "MB")
    for name, ms in report.cpu_ms.items():
        memory = report.memory_mb.get(name)
        table.add_row(name, f"{ms:.2f}", "" if memory is None else f"{memory:.0f}")
    table.add_row("ours together", f"{report.ours_cpu_ms:.2f}")
    table.add_row("with Kafka and Postgres", f"{report.all_cpu_ms:.2f}")
    return table
