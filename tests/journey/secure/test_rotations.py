"""Logins, the broker's certificate and an agent's key are replaced under a stream of jobs: none is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit
from uuid import UUID

import psutil
import pytest

from pointsman.bus.admin.users import set_passwords
from pointsman.bus.read.follow import follow
from pointsman.client.client import Client
from pointsman.dev.certificates import Authority
from pointsman.dev.private_file import write_private
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import load as load_agents
from tests.support.access.broker import show_another
from tests.support.running.system import TIERS, System

pytestmark = pytest.mark.stack

AGENT = "chat-desk"
PARTS = ("router", *(f"worker.{tier}" for tier in TIERS), "audit", f"agent.{AGENT}")


async def test_jobs_go_on_while_secrets_are_replaced(secure_system: System, tmp_path: Path) -> None:
    system, logins, jobs = secure_system, secure_system.logins, list[UUID]()
    assert logins is not None
    old, new, desk = logins.key(AGENT), PrivateKey.generate(), logins.kafka(f"agent.{AGENT}")
    async with (
        Client(kafka=desk, agent_id=AGENT, key=old) as before,
        Client(kafka=desk, agent_id=AGENT, key=new) as after,
    ):
        async with sending(before, jobs):
            connected = connections(system)
            await show_another(system.settings, Authority(tmp_path, "another"))
            await new_passwords(system, logins)

            async def connected_anew() -> bool:
                now = connections(system)
                return all(now[name] - ports for name, ports in connected.items())

            await system.until(connected_anew, 60, "new connections")
            await public_keys(logins, old, new)
            async with sending(after, jobs):  # and before, too
                await system.until_ended([str(job) for job in jobs], 60)
        async with sending(after, jobs):
            await public_keys(logins, new)
            await until_foreign(system, before)
        assert all([await asyncio.to_thread(process.ready) for process in system.processes.values()])
    await system.until_ended([str(job) for job in jobs], 60)
    assert await system.problems([str(job) for job in jobs]) == []


@asynccontextmanager
async def sending(client: Client, jobs: list[UUID]) -> AsyncIterator[None]:
    """Inside, a job is sent every now and then; one has ended when it begins."""
    over = asyncio.Event()

    async def send() -> None:
        while not over.is_set():
            jobs.append(await client.publish(prompt=f"What is {len(jobs)} + 1?"))
            await asyncio.sleep(0.1)

    jobs.append((await client.submit(prompt="What is 1 + 1?", timeout_s=60)).job_id)
    task = asyncio.create_task(send())
    try:
        yield
    finally:
        over.set()
        await task


async def new_passwords(system: System, logins: SecureLogins) -> None:
    """Of all services and the agent: first where they read them, then in Kafka."""
    new = {}
    for login in map(logins.kafka, PARTS):
        assert login.kafka_username is not None
        assert login.kafka_password_file is not None
        new[login.kafka_username] = token_hex(24)
        write_private(login.kafka_password_file, new[login.kafka_username])
    await set_passwords(system.settings, new)


async def public_keys(logins: SecureLogins, *keys: PrivateKey) -> None:
    """The agent's entry names these from now on."""
    file = load_agents(logins.agents, TIERS)
    entries = [
        listed.model_copy(update={"public_keys": tuple(key.public.text for key in keys)})
        if listed.id == AGENT
        else listed
        for listed in file.agents
    ]
    await logins.register(file.model_copy(update={"agents": tuple(entries)}))


async def until_foreign(system: System, client: Client) -> None:
    """Until what this client signs is a dead letter."""
    async with asyncio.timeout(60):
        while True:
            await client.publish(prompt="What is 1 + 1?")
            letters = follow(system.settings, [system.topics.dead.name], start="beginning", until_end=True)
            reasons = {dict(letter.headers)["ce_reason"] async for letter in letters}
            if reasons:
                assert reasons == {b"signature_foreign"}
                return


def connections(system: System) -> dict[str, set[int]]:
    """Of each service its own ends of those to the broker."""
    broker = urlsplit(f"//{system.bootstrap}").port
    return {
        name: {
            connection.laddr.port
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.raddr and connection.raddr.port == broker
        }
        for name, process in system.processes.items()
        if name != "simulator"
    }
