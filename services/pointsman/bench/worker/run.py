"""`pointsman bench worker`: slow calls in flight, and a job's cost compared with a bare loop of calls."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from pointsman.bench.columns import columns
from pointsman.bench.hop.measure import Committed, at_least, committed_by
from pointsman.bench.hop.raw import fill
from pointsman.bench.servers import servers
from pointsman.bench.simulated import Simulated, simulated
from pointsman.bench.system import Stopwatch
from pointsman.bench.worker.backlog import Backlog, backlog
from pointsman.bench.worker.jobs import RoutedJobs, routed_jobs
from pointsman.bench.worker.process import MODEL, TIER, Under, peak_mb, worker
from pointsman.bus.admin.topics import apply
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

_WARM = 200
_PORTION = 25
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A provider's latency, and the limit of calls in flight."""

    latency_ms: float
    limit: int

    def jobs(self, seconds: float) -> int:
        """Return how many jobs keep every slot busy for `seconds`, at least three per slot."""
        return self.limit * max(_ROUNDS, round(seconds * 1000 / self.latency_ms))


@dataclass(frozen=True, slots=True)
class Throughput:
    """Throughput and processor time. `in_flight` is the highest number of calls that the provider saw."""

    per_second: float
    cpu_ms: float
    cores: float
    in_flight: int


@dataclass(frozen=True, slots=True)
class Measured:
    """`ideal` is limit / latency in calls per second; `memory_mb` is the worker's peak."""

    latency_ms: float
    limit: int
    jobs: int
    ideal: float
    worker: Throughput
    bare: Throughput
    memory_mb: float

    @property
    def of_ideal(self) -> float:
        """The worker's throughput divided by that which limit and latency allow."""
        return self.worker.per_second / self.ideal

    @property
    def of_bare(self) -> float:
        """The worker's throughput divided by that of the bare loop."""
        return self.worker.per_second / self.bare.per_second

    @property
    def cpu_ratio(self) -> float:
        """The worker's processor time per job divided by that of the bare loop."""
        return self.worker.cpu_ms / self.bare.cpu_ms


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """The cases, and the backlog if it was measured."""

    cases: list[Measured]
    backlog: Backlog | None


def run(
    cases: Sequence[Case], seconds: float, waiting: int, backlog_seconds: float, say: Callable[[str], None]
) -> WorkerReport:
    """Start a broker and a provider, measure, and remove everything. `waiting`: jobs of backlog, or 0."""
    with servers(say) as (stack, folder), simulated(folder) as provider:
        bench = WorkerBench(stack.kafka.settings, folder, provider, say)
        measured = [asyncio.run(bench.case(number, case, seconds)) for number, case in enumerate(cases)]
        waited = None
        if waiting:
            waited = asyncio.run(
                backlog(
                    stack.kafka.settings, folder, provider, waiting=waiting, seconds=backlog_seconds, say=say
                )
            )
        return WorkerReport(measured, waited)


class WorkerBench:
    """Runs cases one after another, on one broker and one provider."""

    def __init__(
        self, kafka: KafkaPart, folder: Path, provider: Simulated, say: Callable[[str], None]
    ) -> None:
        self._kafka = kafka
        self._folder = folder
        self._provider = provider
        self._say = say

    async def case(self, number: int, case: Case, seconds: float) -> Measured:
        """Measure the bare loop, then the worker, with the same requests."""
        topics = Topics(f"case{number}")
        jobs = routed_jobs(TIER, topics)
        count = case.jobs(seconds)
        self._say(f"{count:,} calls of {case.latency_ms / 1000:g} s, {case.limit} at once: a bare loop")
        bare = await self._bare(case, jobs, count)
        self._say(f"{count:,} calls of {case.latency_ms / 1000:g} s, {case.limit} at once: a worker")
        await apply(self._kafka, topics.all([TIER]))
        under = Under(self._folder, self._kafka, topics.prefix, self._provider.url, case.limit)
        with worker(under) as process:
            throughput = await self._worker(case, topics, jobs, count, process.pid)
            peak = peak_mb(process)
        ideal = case.limit / case.latency_ms * 1000
        return Measured(case.latency_ms, case.limit, count, ideal, throughput, bare, peak)

    async def _worker(self, case: Case, topics: Topics, jobs: RoutedJobs, count: int, pid: int) -> Throughput:
        async with committed_by(self._kafka, f"{topics.prefix}.worker.{TIER}") as committed:
            await self._do(topics, jobs, committed, _WARM, 0)
            self._slow_down(case)
            watch = Stopwatch({"worker": pid})
            await self._do(topics, jobs, committed, count, _WARM)
            seconds, used = watch.stop()
        return self._taken(count, seconds, used["worker"])

    async def _do(
        self, topics: Topics, jobs: RoutedJobs, committed: Committed, count: int, before: int
    ) -> None:
        """Write jobs and wait until all are done. Nothing else may be written to this topic."""
        tier = topics.tier(TIER)
        portion = max(1, min(_PORTION, count // tier.partitions))
        await fill(self._kafka, tier.name, tier.partitions, jobs.records(count, before), portion)
        await at_least(before + count, committed)

    async def _bare(self, case: Case, jobs: RoutedJobs, count: int) -> Throughput:
        requests = self._folder / "requests.jsonl"
        requests.write_text("\n".join(map(json.dumps, jobs.requests(count, MODEL))), "utf-8")
        command = [sys.executable, "-m", "pointsman.bench.worker.bare", f"{self._provider.url}/v1"]
        self._provider.order()
        child = await asyncio.create_subprocess_exec(
            *command, str(case.limit), str(requests), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdin is not None
        assert child.stdout is not None
        await child.stdout.readline()
        self._slow_down(case)
        child.stdin.write(b"\n")
        answer = json.loads(await child.stdout.readline())
        await child.wait()
        return self._taken(count, answer["seconds"], answer["busy_s"])

    def _slow_down(self, case: Case) -> None:
        self._provider.order({"effect": {"kind": "latency", "ms": case.latency_ms}})
        self._provider.forget()

    def _taken(self, count: int, seconds: float, busy: float) -> Throughput:
        in_flight = self._provider.stats()["max_in_flight"]
        self._provider.order()
        return Throughput(count / seconds, busy / count * 1000, busy / seconds, in_flight)


def tables(report: WorkerReport) -> list[Table]:
    """Return a table with one row per case, then the backlog."""
    return [_cases(report.cases), *([_backlog(report.backlog)] if report.backlog else [])]


def _cases(cases: list[Measured]) -> Table:
    table = columns(
        "latency", "limit", "jobs", "most in flight", "jobs/s", "of limit / latency", "of the bare loop",
        "cores", "CPU ms a job", "bare loop", "ratio", "MB",
    )  # fmt: skip
    for case in cases:
        table.add_row(
            f"{case.latency_ms / 1000:g} s", f"{case.limit}", f"{case.jobs:,}", f"{case.worker.in_flight}",
            f"{case.worker.per_second:,.1f}", f"{case.of_ideal:.2f}", f"{case.of_bare:.2f}",
            f"{case.worker.cores:.2f}", f"{case.worker.cpu_ms:.2f}", f"{case.bare.cpu_ms:.2f}",
            f"{case.cpu_ratio:.2f}", f"{case.memory_mb:.0f}",
        )  # fmt: skip
    return table


def _backlog(backlog: Backlog) -> Table:
    table = columns("jobs waiting", "bytes each", "seconds", "done meanwhile", "most memory, MB")
    table.add_row(
        f"{backlog.waiting:,}", f"{backlog.bytes_each:,.0f}", f"{backlog.seconds:.0f}", f"{backlog.done:,}",
        f"{backlog.peak_memory_mb:.0f}",
    )  # fmt: skip
    return table
