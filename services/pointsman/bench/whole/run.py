"""Run the levels in turn: ours, the baseline, gateways. Only ratios within one run are meaningful."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pointsman.bench.steady import Times, times_of
from pointsman.bench.system import RunningSystem, Stopwatch, whole_system
from pointsman.bench.whole import http_load, plain
from pointsman.bench.whole.http_load import HttpTarget
from pointsman.bench.whole.load import BareLoad, Level, LoadSpan
from pointsman.bench.whole.peer import MODEL, Peer
from pointsman.bench.whole.requests import RequestCost, Requests, between, class_path, jmx, requests_of
from pointsman.bus.admin.topics import apply
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import Child
from pointsman.dev.services.processes import Process, running
from pointsman_schemas.topics import Topics

_WARM_UP_S = 3.0
#: One-time work at the start is done by then.
_SETTLE_S = 10.0
#: Longest measurement without jobs: idle work recurs every second, so more is not needed.
_IDLE_S = 30.0
OURS, PLAIN = "pointsman", "plain FastStream"
DIRECT, GATEWAY = "the provider itself", "pointsman by HTTP"
_SERVERS = ("Kafka", "Postgres")
#: The dev stack's provider, which gets no calls here: the measured one is outside the system.
_STAND_IN = "simulator"


@dataclass(frozen=True, slots=True)
class LevelResult:
    """One system at one level: processor milliseconds per job by process, and broker requests per job."""

    system: str
    level: Level
    per_second: float
    times: Times
    lost: int
    cpu_ms: dict[str, float]
    requests: dict[str, RequestCost] = field(default_factory=dict)

    @property
    def own_cpu_ms(self) -> float:
        """Processor milliseconds per job without broker and database."""
        return sum(ms for name, ms in self.cpu_ms.items() if name not in _SERVERS)

    @property
    def all_cpu_ms(self) -> float:
        """Processor milliseconds per job with broker and database."""
        return sum(self.cpu_ms.values())


@dataclass(frozen=True, slots=True)
class WholeResults:
    """`memory_mb` is the PSS of each process at the end: its own memory and its share of common pages.

    `idle_cores` is the share of a core that each process used before the first job.
    """

    results: list[LevelResult]
    memory_mb: dict[str, float]
    idle_cores: dict[str, float] = field(default_factory=dict)


def run(
    levels: Sequence[Level],
    seconds: float,
    say: Callable[[str], None],
    *,
    baseline: bool = True,
    others: Sequence[Peer] = (),
    jvm_flags: Sequence[str] = (),
    separate: bool = False,
) -> WholeResults:
    """Measure some time without jobs, then each level for `seconds` after a warm-up that is not measured.

    `others` are gateways to compare with. `jvm_flags` are the broker's. `separate`: one process per service.
    """
    with _bench(seconds, say, jvm_flags=jvm_flags, separate=separate) as (bench, provider):
        idle = bench.idle_cores()
        results = bench.ours(levels)
        memory = bench.memory_mb()
        if baseline:
            results += bench.plain(levels, provider)
        for peer in others:
            results += bench.by_http(peer.name, _target_of(peer), levels, peer.processes())
        return WholeResults(results, memory, idle)


def run_gateway(
    levels: Sequence[Level],
    streams: Sequence[Level],
    seconds: float,
    say: Callable[[str], None],
    *,
    others: Sequence[Peer] = (),
) -> WholeResults:
    """Measure complete answers at `levels` and streams at `streams`: the provider, our gateway, others.

    Arguments as in `run`. For a stream, the time until its first event is measured.
    """
    settings = {"POINTSMAN_GATEWAY_OPEN_REQUESTS": "100000"}
    with _bench(seconds, say, gateway=True, settings=settings) as (bench, provider):
        targets = [
            (DIRECT, HttpTarget(provider, MODEL), {}),
            (GATEWAY, HttpTarget(f"{bench.gateway_url}/v1"), bench.our_processes),
            *((peer.name, _target_of(peer), peer.processes()) for peer in others),
        ]
        results = []
        for system, target, pids in targets:
            results += bench.by_http(system, target, levels, pids)
            results += bench.by_http(f"{system}, streams", replace(target, stream=True), streams, pids)
        return WholeResults(results, bench.memory_mb())


def _target_of(peer: Peer) -> HttpTarget:
    return HttpTarget(peer.url, MODEL, headers=peer.headers)


@contextmanager
def _bench(
    seconds: float,
    say: Callable[[str], None],
    *,
    gateway: bool = False,
    separate: bool = False,
    jvm_flags: Sequence[str] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple["_Bench", str]]:
    """Start everything; yield the benchmark and the address of a provider that answers at once."""
    jmx_port, port = free_port(), free_port()
    provider = f"http://{LOOPBACK}:{port}"
    process = Process(
        "provider", [str(port)], {}, Path("/dev/null"), provider, health="", program=_module("provider")
    )
    whole = whole_system(
        0,
        say,
        gateway=gateway,
        together=not separate,
        jvm_flags=[*jmx(jmx_port), *jvm_flags],
        settings={"POINTSMAN_SIMULATOR": provider, **settings},
    )
    with running(process), whole as started:
        yield _Bench(started, partial(requests_of, class_path(), jmx_port), seconds, say), provider


class _Bench:
    """Runs the levels on one system. `count_requests` returns the broker's requests since its start."""

    def __init__(
        self,
        whole: RunningSystem,
        count_requests: Callable[[], Requests],
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._whole = whole
        self._count_requests = count_requests
        self._seconds = seconds
        self._say = say
        self._servers = {name: whole.pids[name] for name in _SERVERS}

    def idle_cores(self) -> dict[str, float]:
        """Return the share of a core that each of our processes and both servers use without load."""
        self._say("no jobs")
        time.sleep(_SETTLE_S)
        watch = Stopwatch(self.our_processes)
        time.sleep(min(self._seconds, _IDLE_S))
        seconds, used = watch.stop()
        return {name: busy_s / seconds for name, busy_s in used.items()}

    def ours(self, levels: Sequence[Level]) -> list[LevelResult]:
        topics = Topics()

        def body(id: str, prompt: str) -> object:
            return {"job_id": id, "agent_id": "bench", "prompt": prompt}

        with closing(BareLoad(self._whole.kafka, topics.intake.name, topics.results.name, body)) as jobs:
            return self._run(OURS, levels, jobs.run, self.our_processes)

    def plain(self, levels: Sequence[Level], provider: str) -> list[LevelResult]:
        like = Topics().intake
        topics = [replace(like, name=name) for name in (plain.JOBS, plain.RESULTS)]
        asyncio.run(apply(self._whole.kafka, topics))

        def body(id: str, prompt: str) -> object:
            return {"id": id, "prompt": prompt}

        command = [*_module("plain"), self._whole.kafka.kafka, self._whole.stack.postgres.dsn(), provider]
        application = Child(command, self._whole.folder / "plain.log")
        try:
            with closing(BareLoad(self._whole.kafka, plain.JOBS, plain.RESULTS, body)) as jobs:
                return self._run(PLAIN, levels, jobs.run, {"application": application.pid, **self._servers})
        finally:
            application.stop()

    @property
    def gateway_url(self) -> str:
        return next(process.url for process in self._whole.processes if process.name == "gateway")

    def memory_mb(self) -> dict[str, float]:
        """Return the memory of each of our processes, as in `WholeResults`."""
        return {name: mb for name, mb in self._whole.memory_mb("pss").items() if name != _STAND_IN}

    @property
    def our_processes(self) -> dict[str, int]:
        """All processes that an answer needs, without the stand-in provider."""
        return {name: pid for name, pid in self._whole.pids.items() if name != _STAND_IN}

    def by_http(
        self, system: str, target: HttpTarget, levels: Sequence[Level], pids: Mapping[str, int]
    ) -> list[LevelResult]:
        def run(level: Level, seconds: float) -> LoadSpan:
            return asyncio.run(http_load.run(target, level, seconds))

        return self._run(system, levels, run, pids, asks=system.startswith(GATEWAY))

    def _run(
        self,
        system: str,
        levels: Sequence[Level],
        run: Callable[[Level, float], LoadSpan],
        pids: Mapping[str, int],
        *,
        asks: bool = True,
    ) -> list[LevelResult]:
        """Run the levels with the load `run`. `pids`: processes to measure; `asks`: count broker requests."""
        results = []
        for level in levels:
            self._say(f"{system}: {level}")
            run(level, _WARM_UP_S)
            before = self._count_requests() if asks else {}
            watch = Stopwatch(pids)
            span = run(level, self._seconds)
            _, used = watch.stop()
            requests = between(before, self._count_requests()) if asks else {}
            results.append(self._result(system, level, span, used, requests))
        return results

    def _result(
        self,
        system: str,
        level: Level,
        span: LoadSpan,
        used_s: dict[str, float],
        requests: dict[str, RequestCost],
    ) -> LevelResult:
        count = max(1, len(span.took_ms))
        jobs = count + (0 if level.rate else level.outstanding)
        return LevelResult(
            system,
            level,
            len(span.took_ms) / span.seconds,
            times_of(span.took_ms if len(span.took_ms) > 1 else [0.0, 0.0]),
            span.lost,
            {name: seconds * 1000 / jobs for name, seconds in used_s.items()},
            {name: RequestCost(cost.count / jobs, cost.local_ms / jobs) for name, cost in requests.items()},
        )


def _module(name: str) -> list[str]:
    """Return the command that runs a module of this package."""
    return [sys.executable, "-m", f"{__package__}.{name}"]
