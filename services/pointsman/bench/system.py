"""Run the whole system on temporary servers for a measurement."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import psutil

from pointsman import starter
from pointsman.bench.servers import servers
from pointsman.bus.admin.lag import WatchedTopic, lag
from pointsman.client import Client
from pointsman.dev.ports import free_port
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services import logins as open_logins
from pointsman.dev.services.fleet import fleet
from pointsman.dev.services.prepare import prepare
from pointsman.dev.services.processes import Process, another_process_of, running
from pointsman.dev.services.secure_logins import SecureLogins, secure_logins
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

TIERS = ("small", "medium", "frontier")


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """The running system. `postgres` is the reader's address, `audit_key` the audit's public key.

    `kafka` has the super user's login if there are `logins`.
    """

    kafka: KafkaPart
    postgres: str
    processes: Sequence[Process]
    stack: Stack
    folder: Path
    audit_key: str
    logins: SecureLogins | None = None

    def client(self, agent_id: str) -> Client:
        """Return the client of an agent, with its login and key if there are `logins`."""
        if self.logins is None:
            return Client(kafka=self.kafka, agent_id=agent_id)
        own = self.logins.sender(agent_id)
        return Client(kafka=own.kafka, agent_id=agent_id, key=own.key)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by name: our own processes, then both servers."""
        ours = {process.name: process.pid for process in self.processes}
        return ours | {"Kafka": self.stack.kafka.child.pid, "Postgres": self.stack.postgres.child.pid}

    def memory_mb(self, kind: Literal["rss", "pss"]) -> dict[str, float]:
        """Return MB by process: resident (`rss`), or with shared pages divided among them (`pss`, Linux)."""
        return {
            process.name: getattr(psutil.Process(process.pid).memory_full_info(), kind) / 1e6
            for process in self.processes
        }


def answering_after(latency_ms: float) -> dict[str, str]:
    """Return the settings of a simulated provider that always answers after `latency_ms` milliseconds."""
    return {"POINTSMAN_LATENCY_MS": json.dumps(dict.fromkeys(TIERS, latency_ms)), "POINTSMAN_JITTER": "0"}


@contextmanager
def whole_system(
    latency_ms: float,
    say: Callable[[str], None],
    *,
    twice: Sequence[str] = (),
    jvm_flags: Sequence[str] = (),
    agents: Path = starter.AGENTS,
    secure: bool = False,
    gateway: bool = False,
    together: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[RunningSystem]:
    """Run everything during the block, with a provider that always answers after `latency_ms` milliseconds.

    `jvm_flags` are the broker's. `twice` names services that run in two processes; the second one's name ends
    in `-2`. `secure` works as in `pointsman dev --secure`: each of the `agents` has a login, a key and
    quotas. `gateway` adds the gateway. `together` is explained at `fleet`. `settings` is the environment of
    all processes.
    """
    with servers(say, jvm_flags, secure=secure) as (stack, folder):
        owner = stack.postgres.dsn()
        logins = None
        if stack.security is not None:
            logins = secure_logins(
                stack.security, stack.kafka.bootstrap, owner, topics=Topics(), tiers=TIERS, agents=agents
            )
        asyncio.run(prepare(stack.kafka.settings, owner, TIERS, agents, logins, by="pointsman/bench"))
        processes = fleet(
            folder,
            stack.kafka.bootstrap,
            owner,
            free_port(),
            TIERS,
            gateway=gateway,
            secure=logins,
            together=together,
        )
        for process in processes:
            more = answering_after(latency_ms) if process is processes[0] else settings
            process.environment = {**process.environment, **more}
        processes += [
            another_process_of(started, f"{started.name}-2") for started in processes if started.name in twice
        ]
        key = processes[0].environment["POINTSMAN_AUDIT_PUBLIC_KEY"]
        reader = logins.postgres("operator") if logins else open_logins.reader(owner)
        with running(*processes):
            yield RunningSystem(stack.kafka.settings, reader, processes, stack, folder, key, logins)


async def drained(
    kafka: KafkaPart, passed: Sequence[WatchedTopic], tiers: Sequence[str], within_s: float
) -> bool:
    """Return whether, in time, nothing waits on the topics `passed`, nor on any topic for the audit."""
    topics = Topics()
    watched = [topic for topic in topics.all(tiers) if topic.name != topics.checkpoints.name]  # never ends
    audited = [WatchedTopic(topic.name, f"{topics.prefix}.audit") for topic in watched]
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        if not sum(lane.waiting for lane in await lag(kafka, [*passed, *audited])):
            return True
        await asyncio.sleep(0.5)
    return False


def _busy_s(pid: int) -> float:
    """Return the processor seconds that a process and its children have used since their start."""
    process = psutil.Process(pid)
    times = [measured.cpu_times() for measured in (process, *process.children(recursive=True))]
    # A server's ended children are in its own count.
    return sum(time.user + time.system for time in times) + times[0].children_user + times[0].children_system


class Stopwatch:
    """Measures wall time, and the processor time of named processes, from its construction on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._before = {name: (pid, _busy_s(pid)) for name, pid in pids.items()}
        self._began = time.perf_counter()

    def stop(self) -> tuple[float, dict[str, float]]:
        """Return the seconds since then, and the processor seconds of each process."""
        seconds = time.perf_counter() - self._began
        return seconds, {name: _busy_s(pid) - busy for name, (pid, busy) in self._before.items()}
