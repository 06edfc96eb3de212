"""`pointsman bench soak`: steady load with random kills and freezes, then both logs are compared."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.bench.columns import columns
from pointsman.bench.simulated import Simulated
from pointsman.bench.soak.accidents import SERVERS, accidents, outages
from pointsman.bench.soak.load import SampleLoad
from pointsman.bench.soak.memory import Memory, Sample, memory
from pointsman.bench.soak.record import Record, examine
from pointsman.bench.soak.victims import Victims
from pointsman.bench.system import TIERS, RunningSystem, drained, whole_system
from pointsman.bus.admin.lag import lanes
from pointsman.identity.keys import PublicKey
from pointsman_schemas.topics import Topics

_LATENCY_MS = 100
_SESSION_S = 6.0
#: Short timeouts, so that a frozen owner loses its partitions while it is frozen.
_TIMINGS = {
    "POINTSMAN_SESSION_TIMEOUT_MS": f"{_SESSION_S * 1000:.0f}",
    "POINTSMAN_TRANSACTION_TIMEOUT_MS": "4000",
    "POINTSMAN_STALL_TIMEOUT_MS": "15000",
    "POINTSMAN_REQUEST_TIMEOUT_MS": "6000",
    "POINTSMAN_GRACE_S": "3",
}
#: The second process of each is never hit, so that one of each kind runs from beginning to end.
_TWICE = ("router", "worker-small", "audit")
_SUFFER = ("router", *(f"worker-{tier}" for tier in TIERS), "audit")
_FAULTS: tuple[dict[str, Any], ...] = (
    {"effect": {"kind": "latency", "ms": _LATENCY_MS, "sigma": 0.8}},
    {"effect": {"kind": "rate_limit", "retry_after_s": 0.2}, "every": 60},
    {"effect": {"kind": "server_error"}, "every": 97},
)
_BURST = 3_000
_DRAINED_WITHIN_S = 600.0
_SAMPLE_S = 5.0
_TOLD_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` is in jobs per second, null for half of the measured maximum; an accident every `every_s`."""

    minutes: float
    rate: float | None
    every_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class SoakReport:
    """Rates are jobs per second; `most` is null if the rate was given; `calls_lost` were not recorded."""

    plan: Plan
    most: float | None
    rate: float
    jobs: int
    outcomes: dict[str, int]
    drained_s: float
    killed: dict[str, int]
    frozen: dict[str, int]
    ended_by_themselves: dict[str, int]
    records: int
    rows: int
    verified: int
    calls_made: int
    calls_lost: int
    memory: dict[str, Memory]
    problems: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, nothing was duplicated, and the audit is complete."""
        return not self.problems


def run(plan: Plan, say: Callable[[str], None]) -> SoakReport:
    """Start the whole system on temporary servers, run the plan, and remove everything."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs every attempt while the broker is down
    with whole_system(0, say, twice=_TWICE, settings=_TIMINGS) as whole:
        return asyncio.run(Soak(whole, plan, say).run())


class Soak:
    """One run on a system that was just started."""

    def __init__(self, whole: RunningSystem, plan: Plan, say: Callable[[str], None]) -> None:
        self._whole = whole
        self._plan = plan
        self._say = say
        self._topics = Topics()
        self._provider = Simulated(whole.processes[0].url)
        self._load = SampleLoad(whole.kafka, self._topics.intake, plan.seed)
        self._victims = Victims(
            whole.processes, dict(zip(SERVERS, (whole.stack.kafka, whole.stack.postgres), strict=True))
        )
        self._lives: dict[str, dict[int, list[Sample]]] = {}

    async def run(self) -> SoakReport:
        """Find the maximum rate unless a rate is given, apply load and accidents, drain, compare."""
        self._provider.order(*_FAULTS)
        most = None if self._plan.rate else await self._find_most()
        rate = self._plan.rate or (most or 0) / 2
        seeing = asyncio.create_task(self._victims.see_ends())
        await self._suffer(rate)
        began = time.monotonic()
        in_time = await self._drained()
        drained_s = time.monotonic() - began
        seeing.cancel()
        self._say("comparing Kafka with the audit")
        record = await examine(
            self._whole.kafka, self._whole.postgres, self._topics, TIERS, self._load.submitted,
            public=PublicKey.parse(self._whole.audit_key),
        )  # fmt: skip
        if not in_time:
            record.problems.insert(0, f"not everything was done {_DRAINED_WITHIN_S:.0f} s after the last job")
        record.problems += [f"{name} ended by itself" for name in self._victims.ended]
        return self._report(most, rate, drained_s, record)

    async def _find_most(self) -> float:
        """Return the jobs per second from a full intake to the last audit row, without accidents."""
        self._say(f"{_BURST:,} jobs at once, to find out how many a second are the most")
        began = time.monotonic()
        await self._load.at_once(_BURST)
        if not await self._drained():
            raise TimeoutError(f"{_BURST:,} jobs were not done within {_DRAINED_WITHIN_S:.0f} s")
        return _BURST / (time.monotonic() - began)

    async def _suffer(self, rate: float) -> None:
        plan = self._plan
        self._say(
            f"{rate:.0f} jobs a second for {plan.minutes:g} minutes, an accident every {plan.every_s:g} s"
        )
        course = accidents(plan.seed, _SUFFER, plan.every_s, _SESSION_S)
        side_tasks = [
            asyncio.create_task(trouble)
            for trouble in (
                self._victims.suffer(course),
                self._victims.lose_servers(outages(plan.seed, plan.every_s)),
                self._watch(),
                self._report_progress(),
            )
        ]
        try:
            await self._load.steadily(rate, plan.minutes * 60)
        finally:
            for task in side_tasks:
                task.cancel()
            await asyncio.wait(side_tasks)
        for task in side_tasks:
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _drained(self) -> bool:
        """Return whether all waiting work is done in time."""
        return await drained(self._whole.kafka, lanes(self._topics, TIERS), TIERS, _DRAINED_WITHIN_S)

    async def _watch(self) -> None:
        while True:
            now = time.monotonic()
            pids = {process.name: process.pid for process in self._whole.processes}
            for name, pid in pids.items():
                with suppress(psutil.Error):  # it was just killed
                    mb = psutil.Process(pid).memory_info().rss / 1e6
                    self._lives.setdefault(name, {}).setdefault(pid, []).append(Sample(now, mb))
            await asyncio.sleep(_SAMPLE_S)

    async def _report_progress(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_TOLD_EVERY_S)
            killed, frozen = self._victims.killed.total(), self._victims.frozen.total()
            self._say(
                f"{(time.monotonic() - began) / 60:.0f} min: {len(self._load.submitted):,} jobs sent,"
                f" {killed} kills, {frozen} freezes"
            )

    def _report(self, most: float | None, rate: float, drained_s: float, record: Record) -> SoakReport:
        kinds = Counter(logged.kind or "?" for logged in record.logged)
        made = self._provider.stats()["total"]
        return SoakReport(
            self._plan,
            most,
            rate,
            len(self._load.submitted),
            {name: kinds[f"job.{name}.v1"] for name in ("completed", "failed", "rejected", "expired")},
            drained_s,
            dict(self._victims.killed),
            dict(self._victims.frozen),
            dict(self._victims.ended),
            len(record.logged),
            record.rows,
            record.verified,
            made,
            made - kinds["call.finished.v1"],
            {name: memory(list(lives.values())) for name, lives in self._lives.items()},
            record.problems,
        )


_SHOWN = 20


def tables(report: SoakReport) -> list[RenderableType]:
    """Return the load, the accidents, memory, and the verdict with the first problems."""
    outcomes = ", ".join(f"{count:,} {name}" for name, count in report.outcomes.items())
    most = "" if report.most is None else f" (a burst was done at {report.most:.0f})"
    return [
        f"{report.jobs:,} jobs, {report.rate:.0f} a second{most}, seed {report.plan.seed}: {outcomes}",
        f"killed {_sum(report.killed)} times, frozen {_sum(report.frozen)} times;"
        f" all was done {report.drained_s:.0f} s after the last job",
        f"{report.calls_made:,} calls, {report.calls_lost:,} of them lost with a process and made again",
        _memory(report.memory),
        f"{report.records:,} records on Kafka, {report.rows:,} rows in the audit,"
        f" {report.verified:,} held against their chains",
        *_verdict(report),
    ]


def _sum(counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())}" + (f" ({listed})" if listed else "")


def _memory(memories: Mapping[str, Memory]) -> Table:
    table = columns("process", "lives", "longest, s", "MB settled", "MB at its end", "most MB", "MB an hour")
    for name, used in memories.items():
        slope = "-" if used.mb_per_hour is None else f"{used.mb_per_hour:+.1f}"
        table.add_row(
            name, f"{used.lives}", f"{used.seconds:.0f}", f"{used.first_mb:.1f}",
            f"{used.last_mb:.1f}", f"{used.most_mb:.1f}", slope,
        )  # fmt: skip
    return table


def _verdict(report: SoakReport) -> list[Text]:
    if report.sound:
        return [Text("nothing lost, nothing twice, the audit is whole", "green")]
    shown = [Text(problem, "red") for problem in report.problems[:_SHOWN]]
    return [*shown, Text(f"{len(report.problems):,} problems", "bold red")]
