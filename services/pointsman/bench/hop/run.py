"""`pointsman bench hop`: the router's speed relative to a do-nothing hop on the same broker."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Literal

from rich.table import Table

from pointsman import starter
from pointsman.bench.columns import columns
from pointsman.bench.hop.measure import Hop, measure
from pointsman.bench.hop.messages import records
from pointsman.bench.hop.raw import Record, fill
from pointsman.bench.servers import servers
from pointsman.bench.system import TIERS
from pointsman.bus.admin.topics import apply
from pointsman.dev.ports import free_port
from pointsman.dev.servers.child import Child
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services.fleet import files
from pointsman.dev.services.processes import Process, while_running
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.publish import apply_file
from pointsman.score.model_file import FORMAT
from pointsman.score.sealed import seal
from pointsman_schemas.topics import Topics

#: The do-nothing hop, to which ratios refer.
NOTHING = "nothing"

#: The kinds of policy that are measured.
Policy = Literal["rules", "score"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ratios of messages per second and of client processor time per message."""

    per_second: float
    client_us: float


@dataclass(frozen=True, slots=True)
class HopReport:
    """The hops of each round, by name. `hops` and `ratios` are medians over the rounds."""

    messages: int
    bytes_each: float
    rounds: list[dict[str, Hop]]

    @property
    def hops(self) -> dict[str, Hop]:
        """The median of each figure, by hop."""
        return {name: self._median_hop(name) for name in sorted(self.rounds[0])}

    @property
    def ratios(self) -> dict[str, Ratio]:
        """The median ratio of each hop to the do-nothing hop of the same round."""
        return {name: self._median_ratio(name) for name in sorted(self.rounds[0])}

    def _median_hop(self, name: str) -> Hop:
        hops = [hops[name] for hops in self.rounds]
        return Hop(
            self.messages,
            median(hop.per_second for hop in hops),
            median(hop.client_us for hop in hops),
            median(hop.broker_us for hop in hops),
        )

    def _median_ratio(self, name: str) -> Ratio:
        pairs = [(hops[name], hops[NOTHING]) for hops in self.rounds]
        return Ratio(
            median(hop.per_second / nothing.per_second for hop, nothing in pairs),
            median(hop.client_us / nothing.client_us for hop, nothing in pairs),
        )


class HopBench:
    """A run on its own broker, in a temporary folder."""

    def __init__(self, stack: Stack, folder: Path, messages: int, say: Callable[[str], None]) -> None:
        self._kafka = stack.kafka
        self._folder = folder
        self._messages = messages
        self._say = say
        self._broker = stack.kafka.child.pid

    async def round(self, number: int, policies: Sequence[Policy]) -> dict[str, Hop]:
        """Send the same messages through each hop; every other round in reverse order."""
        filled: dict[str, Topics] = {policy: await self._filled(f"{policy}{number}") for policy in policies}
        hops: dict[str, Hop] = {}
        for name in (NOTHING, *policies) if number % 2 == 0 else (*reversed(policies), NOTHING):
            self._say(f"round {number + 1}: {self._messages:,} messages, {name}")
            if name == NOTHING:
                hops[name] = await self._nothing(filled[policies[0]])
            else:
                hops[name] = await self._router(filled[name], name)
        return hops

    async def _filled(self, prefix: str) -> Topics:
        topics = Topics(prefix)
        await apply(self._kafka.settings, topics.all(TIERS))
        agents = load_agents(starter.AGENTS, TIERS)
        await apply_file(self._kafka.settings, topics, agents, by="pointsman/bench")
        plain: Iterable[Record] = ((key, value, []) for key, value in records(self._messages))
        await fill(self._kafka.settings, topics.intake.name, topics.intake.partitions, plain)
        return topics

    async def _nothing(self, topics: Topics) -> Hop:
        group = f"{topics.prefix}.nothing"
        targets = [topics.tier(tier).name for tier in TIERS]
        command = [sys.executable, "-m", "pointsman.bench.hop.raw", self._kafka.bootstrap, topics.intake.name]
        child = Child([*command, group, *targets], self._folder / f"{group}.log")
        try:
            return await self._measured(group, child.pid)
        finally:
            child.kill()

    async def _router(self, topics: Topics, policy: str) -> Hop:
        environment = {
            **broker_at(self._kafka.bootstrap),
            **files(),
            "POINTSMAN_PREFIX": topics.prefix,
        }
        if policy == "score":
            environment["POINTSMAN_POLICY"] = str(scored_policy(self._folder))
        log = self._folder / f"{topics.prefix}.log"
        router = Process(topics.prefix, ["run", "router"], environment, log)
        router.listen(free_port())
        router.start()
        try:
            return await while_running([router], self._measured(f"{topics.prefix}.router", router.pid))
        finally:
            router.kill()

    async def _measured(self, group: str, pid: int) -> Hop:
        return await measure(self._kafka.settings, group, self._messages, pid, self._broker)


def run(messages: int, rounds: int, policies: Sequence[Policy], say: Callable[[str], None]) -> HopReport:
    """Start a broker, measure, and remove everything."""
    with servers(say) as (stack, folder):
        bench = HopBench(stack, folder, messages, say)
        sizes = [len(value) for _, value in records(1_000)]
        measured = [asyncio.run(bench.round(number, policies)) for number in range(rounds)]
        return HopReport(messages, sum(sizes) / len(sizes), measured)


_MODEL = resources.files("pointsman.score") / "models" / "general.json"
_POLICY = """
name: scored
tiers: [small, medium, frontier]
score: {model: general.json, quality: 0.98, tiers: {medium: mid}}
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules: []
"""


def scored_policy(folder: Path) -> Path:
    """Write a policy that decides by score, and its model, into the folder. Returns the policy's path."""
    body = json.loads(_MODEL.read_bytes())
    del body["sha256"]
    (folder / "general.json").write_bytes(seal({**body, "floor": 0.0, "profile": {}}, FORMAT))
    policy = folder / "scored.yaml"
    policy.write_text(_POLICY)
    return policy


def tables(report: HopReport) -> list[Table]:
    """Return a table with one row per hop."""
    title = f"{report.messages:,} messages of {report.bytes_each:,.0f} bytes; medians of {len(report.rounds)}"
    table = columns("hop", "messages/s", "ratio", "µs each", "ratio", "µs of the broker", title=title)
    for name, hop in report.hops.items():
        ratio = report.ratios[name]
        table.add_row(
            name, f"{hop.per_second:,.0f}", f"{ratio.per_second:.2f}", f"{hop.client_us:.1f}",
            f"{ratio.client_us:.2f}", f"{hop.broker_us:.1f}",
        )  # fmt: skip
    return [table]
