"""The whole system on servers of its own, for a measurement: started, handed over, taken away again."""

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
from pointsman.dev.services.processes import Process, running, second
from pointsman.dev.services.secure_logins import SecureLogins, secure_logins
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

TIERS = ("small", "medium", "frontier")


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """What runs. `postgres` is the reader's address, `audit_key` the public one.

    `kafka`: as its super user, where there are `logins`.
    """

    kafka: KafkaPart
    postgres: str
    processes: Sequence[Process]
    stack: Stack
    folder: Path
    audit_key: str
    logins: SecureLogins | None = None

    def client(self, agent_id: str) -> Client:
        """An agent's, which logs in as itself and signs where that is asked for."""
        if self.logins is None:
            return Client(kafka=self.kafka, agent_id=agent_id)
        own = self.logins.sender(agent_id)
        return Client(kafka=own.kafka, agent_id=agent_id, key=own.key)

    @property
    def pids(self) -> dict[str, int]:
        """Of our own processes, then of both servers."""
        ours = {process.name: process.pid for process in self.processes}
        return ours | {"Kafka": self.stack.kafka.child.pid, "Postgres": self.stack.postgres.child.pid}

    def memory_mb(self, kind: Literal["rss", "pss"]) -> dict[str, float]:
        """Of each of our own processes, MB: resident, or with what they share divided among them (Linux)."""
        return {
            process.name: getattr(psutil.Process(process.pid).memory_full_info(), kind) / 1e6
            for process in self.processes
        }


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
    """Everything, with a provider that answers after `latency_ms` milliseconds, always.

    `jvm_flags`: of the broker. `twice`: names of services of which there are two; the second's name ends in
    `-2`. `secure`: as `pointsman dev --secure`, each of these `agents` with a login, a key and its quotas.
    `gateway`: that which applications call, too. `together`: as in `fleet`. `settings`: environment of all
    our processes.
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
        quick = {
            "POINTSMAN_LATENCY_MS": json.dumps(dict.fromkeys(TIERS, latency_ms)),
            "POINTSMAN_JITTER": "0",
        }
        for process in processes:
            more = quick if process is processes[0] else settings
            process.environment = {**process.environment, **more}
        processes += [second(started, f"{started.name}-2") for started in processes if started.name in twice]
        key = processes[0].environment["POINTSMAN_AUDIT_PUBLIC_KEY"]
        reader = logins.postgres("operator") if logins else open_logins.reader(owner)
        with running(*processes):
            yield RunningSystem(stack.kafka.settings, reader, processes, stack, folder, key, logins)


async def drained(
    kafka: KafkaPart, passed: Sequence[WatchedTopic], tiers: Sequence[str], within_s: float
) -> bool:
    """Whether nothing waits in time, on the topics `passed` or for the audit on all that there are."""
    topics = Topics()
    watched = [topic for topic in topics.all(tiers) if topic.name != topics.checkpoints.name]  # never ends
    audited = [WatchedTopic(topic.name, f"{topics.prefix}.audit") for topic in watched]
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        if not sum(lane.waiting for lane in await lag(kafka, [*passed, *audited])):
            return True
        await asyncio.sleep(0.5)
    return False


def busy_s(pid: int) -> float:
    """Processor seconds that a process has used since it began, with all its children."""
    process = psutil.Process(pid)
    times = [measured.cpu_times() for measured in (process, *process.children(recursive=True))]
    # A server's children that are gone are in its own account.
    return sum(time.user + time.system for time in times) + times[0].children_user + times[0].children_system


def all_busy_s(pids: Mapping[str, int]) -> dict[str, float]:
    """The same of several."""
    return {name: busy_s(pid) for name, pid in pids.items()}


def used_s(pids: Mapping[str, int], since: Mapping[str, float]) -> dict[str, float]:
    """Processor seconds since `all_busy_s` said what is in `since`."""
    return {name: busy - since[name] for name, busy in all_busy_s(pids).items()}
