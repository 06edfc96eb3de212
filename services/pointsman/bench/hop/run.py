"""`pointsman bench hop`: who moves the same messages how fast, on one broker, one after another."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median

from rich.table import Table

from pointsman import starter
from pointsman.bench.columns import columns
from pointsman.bench.hop.latency import Delay, delay
from pointsman.bench.hop.measure import Hop, measure
from pointsman.bench.hop.messages import records
from pointsman.bench.hop.raw import Record, fill
from pointsman.bench.kafka_tools import KafkaTools
from pointsman.bench.servers import servers
from pointsman.bus.admin.topics import apply
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import Child
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services.fleet import files
from pointsman.dev.services.processes import Process, wait_ready, while_running
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.publish import apply_file
from pointsman.score.model_file import FORMAT
from pointsman.score.sealed import seal
from pointsman_schemas.topics import Topics

TIERS = ("small", "medium", "frontier")
NOTHING = {"aiokafka": "pointsman.bench.hop.raw", "librdkafka": "pointsman.bench.hop.librdkafka"}
RATES = (200, 2_000)
#: So many routers share the work.
PROCESSES = (1, 2)


@dataclass(frozen=True, slots=True)
class HopReport:
    """Rates in messages per second; `best` is the better do-nothing hop, to which ratios refer."""

    messages: int
    bytes_each: float
    kafka_produces: float
    kafka_consumes: float
    hops: dict[str, Hop]
    delays: dict[str, Delay]

    @property
    def best(self) -> float:
        """Messages per second of the better do-nothing hop."""
        return max(self.hops[f"nothing, {name}"].per_second for name in NOTHING)


class HopBench:
    """One run on a broker of its own, in a folder that is deleted afterwards."""

    def __init__(self, stack: Stack, folder: Path, messages: int, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._folder = folder
        self._messages = messages
        self._say = say
        self._broker = stack.kafka.child.pid

    async def run(self, rounds: int, seconds: float) -> HopReport:
        """Everything, `rounds` times over; the median of each."""
        values = [len(value) for _, value in records(1_000)]
        routers = {"router, rules": None, "router, score": scored_policy(self._folder)}
        by_hop: dict[str, list[Hop]] = {}
        for number in range(rounds):
            for name in NOTHING:
                by_hop.setdefault(f"nothing, {name}", []).append(
                    await self._nothing(f"n{number}{name}", name)
                )
            for name, policy in routers.items():
                for processes in PROCESSES:
                    title = f"{name}, {processes} process{'es' if processes > 1 else ''}"
                    prefix = f"r{number}{processes}{'s' if policy else ''}"
                    by_hop.setdefault(title, []).append(await self._router(prefix, policy, processes))
        produces, consumes = await self._kafka_alone("perf")
        delays = {}
        for rate in RATES:
            delays[f"{rate}/s"] = await self._delay(f"d{rate}", rate, seconds)
        return HopReport(
            self._messages,
            sum(values) / len(values),
            produces,
            consumes,
            {name: _median(hops) for name, hops in by_hop.items()},
            delays,
        )

    async def _prepared(self, prefix: str) -> Topics:
        topics = Topics(prefix)
        await apply(self._stack.kafka.settings, topics.all(TIERS))
        agents = load_agents(starter.AGENTS, TIERS)
        await apply_file(self._stack.kafka.settings, topics, agents, by="pointsman/bench")
        return topics

    async def _filled(self, prefix: str) -> Topics:
        topics = await self._prepared(prefix)
        plain: Iterable[Record] = ((key, value, []) for key, value in records(self._messages))
        await fill(self._stack.kafka.settings, topics.intake.name, topics.intake.partitions, plain)
        return topics

    async def _nothing(self, prefix: str, name: str) -> Hop:
        topics = await self._filled(prefix)
        self._say(f"{self._messages:,} messages through a hop that does nothing, {name}")
        targets = [topics.tier(tier).name for tier in TIERS]
        group = f"{prefix}.nothing"
        command = [
            sys.executable,
            "-m",
            NOTHING[name],
            self._stack.kafka.bootstrap,
            topics.intake.name,
            group,
        ]
        child = Child([*command, *targets], self._folder / f"{prefix}.log")
        try:
            return await measure(self._stack.kafka.settings, group, self._messages, [child.pid], self._broker)
        finally:
            child.kill()

    async def _router(self, prefix: str, policy: Path | None, processes: int) -> Hop:
        topics = await self._filled(prefix)
        self._say(f"{self._messages:,} messages through {processes} router{'s' if processes > 1 else ''}")
        group = f"{topics.prefix}.router"
        with self._routers(prefix, policy, processes) as running:
            pids = [router.pid for router in running]
            measured = measure(self._stack.kafka.settings, group, self._messages, pids, self._broker)
            return await while_running(running, measured)

    async def _delay(self, prefix: str, rate: int, seconds: float) -> Delay:
        topics = await self._prepared(prefix)
        self._say(f"{rate} messages a second for {seconds:.0f} s through a router")
        with self._routers(prefix, None, 1, ready=True):
            return await delay(self._stack.kafka.settings, topics, TIERS, rate, seconds)

    @contextlib.contextmanager
    def _routers(
        self, prefix: str, policy: Path | None, count: int, *, ready: bool = False
    ) -> Iterator[list[Process]]:
        """Router processes, started together so that the work is shared from its beginning."""
        environment = {**broker_at(self._stack.kafka.bootstrap), **files(), "POINTSMAN_PREFIX": prefix}
        if policy is not None:
            environment["POINTSMAN_POLICY"] = str(policy)
        processes = []
        for place in range(count):
            port = free_port()
            processes.append(
                Process(
                    f"{prefix}-{place}",
                    ["run", "router"],
                    {**environment, "POINTSMAN_HTTP_PORT": str(port)},
                    self._folder / f"{prefix}-{place}.log",
                    f"http://{LOOPBACK}:{port}",
                )
            )
        try:
            for process in processes:
                process.start()
            if ready:
                wait_ready(processes)
            yield processes
        finally:
            for process in processes:
                if process.child is not None:
                    process.child.kill()
                    process.child.wait()

    async def _kafka_alone(self, prefix: str) -> tuple[float, float]:
        topic = Topics(prefix).intake
        await apply(self._stack.kafka.settings, [topic])
        return await asyncio.to_thread(self._perf_tools, topic.name)

    def _perf_tools(self, topic: str) -> tuple[float, float]:
        self._say("Kafka's own tools")
        payloads = self._folder / "payloads"
        payloads.write_bytes(b"\n".join(value for _, value in records(10_000)))
        tools, bootstrap = KafkaTools(), self._stack.kafka.bootstrap
        produced = tools.produce(bootstrap, topic, self._messages, payloads)
        return produced, tools.consume(bootstrap, topic, self._messages)


def run(messages: int, rounds: int, seconds: float, say: Callable[[str], None]) -> HopReport:
    """Start a broker, measure, take everything away again; `seconds`: how long each steady rate is held."""
    with servers(say) as (stack, folder):
        return asyncio.run(HopBench(stack, folder, messages, say).run(rounds, seconds))


def _median(hops: Sequence[Hop]) -> Hop:
    return Hop(
        hops[0].messages,
        median(hop.per_second for hop in hops),
        median(hop.client_us for hop in hops),
        median(hop.broker_us for hop in hops),
    )


_MODEL = resources.files("pointsman.score") / "models" / "general.json"
_POLICY = """
name: scored
tiers: [small, medium, frontier]
score: {model: general.json, quality: 0.98, tiers: {medium: mid}}
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules: []
"""


def scored_policy(folder: Path) -> Path:
    """Writes it, and its model beside it."""
    body = json.loads(_MODEL.read_bytes())
    del body["sha256"]
    (folder / "general.json").write_bytes(seal({**body, "floor": 0.0, "profile": {}}, FORMAT))
    policy = folder / "scored.yaml"
    policy.write_text(_POLICY)
    return policy


def tables(report: HopReport) -> list[Table]:
    """Throughput and processor time of every hop, then the time a message spends in the router's."""
    return [_rates(report), _delays(report)]


def _rates(report: HopReport) -> Table:
    title = f"{report.messages:,} messages of {report.bytes_each:,.0f} bytes"
    table = columns("hop", "messages/s", "of the best", "µs each", "µs of the broker", title=title)
    table.add_row("Kafka's producer alone", f"{report.kafka_produces:,.0f}")
    table.add_row("Kafka's consumer alone", f"{report.kafka_consumes:,.0f}")
    for name, hop in report.hops.items():
        share = hop.per_second / report.best
        costs = f"{hop.client_us:.1f}", f"{hop.broker_us:.1f}"
        table.add_row(name, f"{hop.per_second:,.0f}", f"{share:.2f}", *costs)
    return table


def _delays(report: HopReport) -> Table:
    title = "published until a committed reader has it"
    table = columns("rate", "messages", "p50 ms", "p99 ms", "longest ms", title=title)
    for name, times in report.delays.items():
        shown = (times.p50_ms, times.p99_ms, times.longest_ms)
        table.add_row(name, f"{times.messages:,}", *(f"{ms:.1f}" for ms in shown))
    return table
