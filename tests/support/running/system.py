"""The whole system as processes, on servers that tests can kill, with the outcomes of its jobs."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from pointsman import starter
from pointsman.bench.simulated import Simulated
from pointsman.bench.soak.record import examine
from pointsman.bus.codec.records import MAX_RECORD_BYTES, Incoming, Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.client.job import as_record, make_job
from pointsman.dev.ports import free_port
from pointsman.dev.services.fleet import fleet
from pointsman.dev.services.prepare import prepare
from pointsman.dev.services.processes import Process, another_process_of, stop, wait_ready
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.support.running.forked import ForkedProcess

TIERS = ("small", "medium", "frontier")

#: Timings as short as the broker allows, so that a dead owner is replaced within a test.
FAST = {
    "POINTSMAN_SESSION_TIMEOUT_MS": "6000",
    "POINTSMAN_TRANSACTION_TIMEOUT_MS": "4000",
    "POINTSMAN_STALL_TIMEOUT_MS": "15000",
    "POINTSMAN_REQUEST_TIMEOUT_MS": "6000",
    "POINTSMAN_GRACE_S": "3",
}


class System:
    """Services on given servers. `processes` maps names to running processes; more can be added.

    `logins`: each service has its own login; the methods of this class use the super user's.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        dsn: str,
        prefix: str,
        *,
        opinion: bool = False,
        review: bool = False,
        gateway: bool = False,
        together: bool = False,
        logins: SecureLogins | None = None,
        **settings: str,
    ) -> None:
        self.bootstrap, self.dsn, self.prefix = bootstrap, dsn, prefix
        self.logins = logins
        self.settings = (
            logins.admin if logins else KafkaPart(kafka=bootstrap, prefix=prefix, **_kafka(settings))
        )
        self.topics = Topics(prefix)
        self._environment = {**FAST, "POINTSMAN_PREFIX": prefix, **settings}
        services = fleet(
            folder,
            bootstrap,
            dsn,
            free_port(),
            TIERS,
            opinion=opinion,
            review=review,
            gateway=gateway,
            secure=logins,
            together=together,
        )
        started = [ForkedProcess.like(service) for service in services]
        self.processes: dict[str, Process] = {process.name: process for process in started}
        self._provider = Simulated(started[0].url)
        for process in started[1:]:
            process.environment = {**process.environment, **self._environment}

    async def start(self) -> None:
        await prepare(
            self.settings, self.dsn, TIERS, starter.AGENTS, self.logins, topics=self.topics, by="tests"
        )
        for process in self.processes.values():
            process.start()
        await asyncio.to_thread(wait_ready, list(self.processes.values()))

    def add(self, name: str, like: str) -> Process:
        """Starts a second process of a service without waiting for it."""
        process = another_process_of(self.processes[like], name)
        self.processes[name] = process
        process.start()
        return process

    def kill(self, name: str) -> None:
        child = self.processes[name].child
        assert child is not None
        child.kill()
        child.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        child = self.processes[name].child
        assert child is not None
        os.kill(child.pid, number)

    def stop(self) -> None:
        for process in self.processes.values():
            if process.child is not None and not process.ended():
                process.child.send_signal(signal.SIGCONT)
        stop(list(self.processes.values()))

    async def order_faults(self, *rules: dict[str, object]) -> None:
        """Sets the simulated provider's faults."""
        await asyncio.to_thread(self._provider.order, *rules)

    async def provider_stats(self) -> dict[str, Any]:
        """The simulated provider's counters."""
        return await asyncio.to_thread(self._provider.stats)

    async def send(self, records: Sequence[Outgoing]) -> None:
        give_up = time.monotonic() + 60
        while True:
            try:
                async with Publisher(self.settings) as publisher:
                    await publisher.publish(records, within=60)
                    return
            except KafkaUnavailableError:  # nothing was sent: the broker is down
                if time.monotonic() > give_up:
                    raise

    def jobs(self, count: int, **fields: object) -> dict[str, Outgoing]:
        """Jobs with ids, spread over the tiers, and signed if the agents have keys."""
        return self._jobs(count, self._signed if self.logins else self._plain, fields)

    def unsigned_jobs(self, count: int, **fields: object) -> dict[str, Outgoing]:
        """The same without signatures."""
        return self._jobs(count, self._plain, fields)

    def _jobs(
        self, count: int, made_by: Callable[[dict[str, object]], Outgoing], fields: Mapping[str, object]
    ) -> dict[str, Outgoing]:
        made = {}
        for place in range(count):
            job_id = str(uuid4())
            body = {
                "job_id": job_id,
                "agent_id": "chat-desk",
                "prompt": f"What is {place} + {place}?",
                "tier": TIERS[place % 3],
                **fields,
            }
            made[job_id] = made_by(body)
        return made

    def _plain(self, body: dict[str, object]) -> Outgoing:
        return Outgoing(self.topics.intake.name, str(body["job_id"]).encode(), json.dumps(body).encode(), [])

    def _signed(self, body: dict[str, object]) -> Outgoing:
        assert self.logins is not None
        now = utc_now()
        record = as_record(make_job(body, {}, None, now, largest=MAX_RECORD_BYTES), self.topics, now)
        return sign(record, self.logins.key(str(body["agent_id"])))

    async def ended(self) -> set[str]:
        """Jobs whose outcome is in the audit table."""
        rows = await self.fetch(
            "select distinct job_id from audit.message where kind = any($1)",
            [f"job.{name}.v1" for name in ("completed", "failed", "rejected", "expired", "cancelled")],
        )
        return {str(row["job_id"]) for row in rows}

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float, description: str) -> None:
        """Waits for a condition. If it fails, shows `what` and the ends of the logs."""
        give_up = time.monotonic() + seconds
        while True:
            try:
                if await condition():
                    return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass  # the server is down just now
            for process in self.processes.values():
                if process.ended():
                    process.move()  # else it would stay down if its port was taken
            if time.monotonic() > give_up:
                ends = "\n".join(
                    f"--- {name}\n{started.last_lines(6)}" for name, started in self.processes.items()
                )
                raise AssertionError(f"{description} did not happen within {seconds} s\n{ends}")
            await asyncio.sleep(0.2)

    async def ended_some(self) -> bool:
        return bool(
            await self.fetch("select 1 from audit.message where topic = $1 limit 1", self.topics.results.name)
        )

    async def until_ended(self, job_ids: Sequence[str], seconds: float) -> None:
        async def all_there() -> bool:
            return set(job_ids) <= await self.ended()

        await self.until(all_there, seconds, f"the end of {len(job_ids)} jobs")

    async def problems(self, submitted: Sequence[str], within: float = 60) -> list[str]:
        """Problems found by the checker and by verification, once the audit has caught up with Kafka."""
        examined = await examine(self.settings, self.dsn, self.topics, TIERS, submitted, catch_up_s=within)
        return examined.problems

    async def read(self) -> list[Incoming]:
        """Every committed record of every topic."""
        records = follow(self.settings, re.compile(self.topics.pattern), start="beginning", until_end=True)
        return [record async for record in records]

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


def _kafka(settings: Mapping[str, str]) -> dict[str, Any]:
    """Connection settings from the environment."""
    first = "POINTSMAN_KAFKA_"
    return {
        f"kafka_{name.removeprefix(first).lower()}": value
        for name, value in settings.items()
        if first in name
    }
