"""Runs the levels in turn: ours, then the baseline, then a gateway; ratios within one run are what counts."""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pointsman.bench.kafka_tools import KafkaTools
from pointsman.bench.steady import Times, times_of
from pointsman.bench.system import RunningSystem, busy_s, whole_system
from pointsman.bench.whole import http_load, plain
from pointsman.bench.whole.http_load import HttpTarget
from pointsman.bench.whole.load import Level, LoadSpan, load
from pointsman.bench.whole.peer import MODEL, Peer
from pointsman.bench.whole.requests import RequestCost, between, jmx, requests_of
from pointsman.bus.admin.topics import apply
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import end_with_parent
from pointsman.runtime.loopback import proxies_for
from pointsman_schemas.topics import Topics

_WARM_UP_S = 3.0
#: What is done once at the start is over by then.
_SETTLE_S = 10.0
#: What happens without jobs happens each second; a long run does not wait as long for it.
_IDLE_S = 30.0
_READY_S = 30.0
OURS, PLAIN = "pointsman", "plain FastStream"
DIRECT, GATEWAY = "the provider itself", "pointsman by HTTP"
_SERVERS = ("Kafka", "Postgres")


@dataclass(frozen=True, slots=True)
class LevelResult:
    """Of one system at one level. CPU in milliseconds a job, by process; requests to the broker a job."""

    system: str
    level: Level
    per_second: float
    times: Times
    lost: int
    cpu_ms: dict[str, float]
    requests: dict[str, RequestCost] = field(default_factory=dict)

    @property
    def own_cpu_ms(self) -> float:
        """Of the system itself, without broker and database."""
        return sum(ms for name, ms in self.cpu_ms.items() if name not in _SERVERS)

    @property
    def all_cpu_ms(self) -> float:
        """With broker and database."""
        return sum(self.cpu_ms.values())


@dataclass(frozen=True, slots=True)
class WholeResults:
    """`memory_mb`: of each of our processes at the end, what it alone has and its share of the rest (PSS).

    `idle_cores`: of a core, what each process used before there was a job.
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
    """Some time without a job, then each level for `seconds`, after a warm-up that does not count.

    `others`: gateways. `jvm_flags`: of the broker. `separate`: a process for each service.
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
    """Whole answers at `levels`, streams at `streams`: of the provider itself, by our gateway, by others.

    Each as `run` does it; of a stream the time until its first piece is taken.
    """
    settings = {"POINTSMAN_GATEWAY_OPEN_REQUESTS": "100000"}
    with _bench(seconds, say, gateway=True, settings=settings) as (bench, provider):
        targets = [
            (DIRECT, HttpTarget(provider, MODEL), {}),
            (GATEWAY, HttpTarget(f"{bench.gateway_url}/v1"), bench.our_processes()),
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
    """Everything, and the address of a provider that answers at once."""
    with ExitStack() as stack:
        jmx_port, provider_port = free_port(), free_port()
        provider = f"http://{LOOPBACK}:{provider_port}"
        stack.enter_context(_module("provider", Path("/dev/null"), str(provider_port)))
        _wait_for(provider)
        whole = whole_system(
            0,
            say,
            gateway=gateway,
            together=not separate,
            jvm_flags=[*jmx(jmx_port), *jvm_flags],
            settings={"POINTSMAN_SIMULATOR": provider, **settings},
        )
        yield _Bench(stack.enter_context(whole), jmx_port, seconds, say), provider


class _Bench:
    def __init__(
        self, whole: RunningSystem, jmx_port: int, seconds: float, say: Callable[[str], None]
    ) -> None:
        self._whole = whole
        self._jmx_port = jmx_port
        self._seconds = seconds
        self._say = say
        self._tools = KafkaTools()

    def idle_cores(self) -> dict[str, float]:
        """Of each process of ours and of both servers, while nobody sends anything."""
        pids = self.our_processes()
        self._say("no jobs")
        time.sleep(_SETTLE_S)
        began, busy = time.perf_counter(), _busy(pids)
        time.sleep(min(self._seconds, _IDLE_S))
        seconds = time.perf_counter() - began
        return {name: (after - busy[name]) / seconds for name, after in _busy(pids).items()}

    def ours(self, levels: Sequence[Level]) -> list[LevelResult]:
        topics = Topics()

        def body(id: str, prompt: str) -> object:
            return {"job_id": id, "agent_id": "bench", "prompt": prompt}

        return self._by_kafka(OURS, levels, (topics.intake.name, topics.results.name), body, self._ours)

    def plain(self, levels: Sequence[Level], provider: str) -> list[LevelResult]:
        like = Topics().intake
        topics = [replace(like, name=name) for name in (plain.JOBS, plain.RESULTS)]
        asyncio.run(apply(self._whole.kafka, topics))

        def body(id: str, prompt: str) -> object:
            return {"id": id, "prompt": prompt}

        log = self._whole.folder / "plain.log"
        owner = self._whole.stack.postgres.dsn()
        with _module("plain", log, self._whole.kafka.kafka, owner, provider) as process:
            return self._by_kafka(
                PLAIN, levels, (plain.JOBS, plain.RESULTS), body, {"application": process.pid}
            )

    @property
    def gateway_url(self) -> str:
        return next(process.url for process in self._whole.processes if process.name == "gateway")

    def memory_mb(self) -> dict[str, float]:
        """Of each process of ours, as `WholeResults` has it."""
        return {name: mb for name, mb in self._whole.memory_share_mb().items() if name != "simulator"}

    def our_processes(self) -> dict[str, int]:
        """All that an answer by our gateway needs."""
        return self._ours | self._servers

    def by_http(
        self, system: str, target: HttpTarget, levels: Sequence[Level], pids: dict[str, int]
    ) -> list[LevelResult]:
        """`pids`: whose processor time is told. Requests to the broker are those of our gateway alone."""
        ours = system.startswith(GATEWAY)
        results = []
        for level in levels:
            self._say(f"{system}: {level}")
            asyncio.run(http_load.run(target, level, _WARM_UP_S))
            asked, busy = requests_of(self._tools, self._jmx_port) if ours else {}, _busy(pids)
            span = asyncio.run(http_load.run(target, level, self._seconds))
            used = {name: after - busy[name] for name, after in _busy(pids).items()}
            requests = between(asked, requests_of(self._tools, self._jmx_port)) if ours else {}
            results.append(self._result(system, level, span, used, requests))
        return results

    @property
    def _ours(self) -> dict[str, int]:
        """But for the provider's stand-in."""
        return {process.name: process.pid for process in self._whole.processes[1:]}

    @property
    def _servers(self) -> dict[str, int]:
        stack = self._whole.stack
        return {"Kafka": stack.kafka.child.pid, "Postgres": stack.postgres.child.pid}

    def _by_kafka(
        self,
        system: str,
        levels: Sequence[Level],
        topics: tuple[str, str],
        body: Callable[[str, str], object],
        pids: dict[str, int],
    ) -> list[LevelResult]:
        pids |= self._servers
        results = []
        with load(self._whole.kafka, *topics, body) as jobs:
            for level in levels:
                self._say(f"{system}: {level}")
                jobs.run(level, _WARM_UP_S)
                asked, busy = requests_of(self._tools, self._jmx_port), _busy(pids)
                span = jobs.run(level, self._seconds)
                used = {name: after - busy[name] for name, after in _busy(pids).items()}
                requests = between(asked, requests_of(self._tools, self._jmx_port))
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
            {
                name: RequestCost(asked.count / jobs, asked.local_ms / jobs)
                for name, asked in requests.items()
            },
        )


def _busy(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds since each began; with children."""
    return {name: busy_s(pid) for name, pid in pids.items()}


@contextmanager
def _module(name: str, log: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A module of this package as a program; ended at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.{name}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=end_with_parent,  # noqa: PLW1509 -- called from the main thread only
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + _READY_S
    opener = urllib.request.build_opener(proxies_for(url))
    while True:
        try:
            opener.open(url, timeout=3).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
        else:
            return
        time.sleep(0.05)
