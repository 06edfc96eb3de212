"""Keys, passwords and the broker's certificate are rotated while jobs run: none is lost."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import asyncpg
import psutil
import pytest
from pydantic import SecretStr

from pointsman.bus.admin.users import set_passwords
from pointsman.bus.errors import BusError, KafkaLoginError
from pointsman.bus.read.follow import follow
from pointsman.bus.tcp_check import await_server
from pointsman.client.client import Client
from pointsman.dev.certificates import Authority
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import load as load_agents
from pointsman.runtime.log_events import Event
from pointsman.runtime.private_file import write_private
from pointsman.store.roles import WRITER, as_login, ensure_login
from tests.support.access.broker import show_another
from tests.support.running.system import TIERS, System

pytestmark = pytest.mark.stack

AGENT = "chat-desk"
ADDRESS = "POINTSMAN_POSTGRES_WRITER"


@pytest.fixture(scope="module")
def jobs() -> list[UUID]:
    """The jobs of all tests in this file, because the final comparison needs all of them."""
    return []


async def test_jobs_go_on_while_the_agents_key_is_replaced(secure_system: System, jobs: list[UUID]) -> None:
    system, logins = secure_system, secure_system.logins
    assert logins is not None
    old, new, desk = logins.key(AGENT), PrivateKey.generate(), logins.kafka(f"agent.{AGENT}")
    async with (
        Client(kafka=desk, agent_id=AGENT, key=old) as before,
        Client(kafka=desk, agent_id=AGENT, key=new) as after,
    ):
        async with sending(before, jobs):
            await public_keys(system, logins, old, new)
            async with sending(after, jobs):  # and before the change
                await system.until_ended([str(job) for job in jobs], 60)
        async with sending(after, jobs):
            await public_keys(system, logins, new)
            await until_foreign(system, before)
        assert all([await asyncio.to_thread(process.ready) for process in system.processes.values()])
    await system.until_ended([str(job) for job in jobs], 60)
    assert await system.problems([str(job) for job in jobs]) == []


async def test_jobs_go_on_while_passwords_and_the_brokers_certificate_are_replaced(
    secure_system: System, jobs: list[UUID], tmp_path: Path
) -> None:
    system, logins = secure_system, secure_system.logins
    assert logins is not None
    key = logins.key(AGENT)
    await public_keys(system, logins, key)  # replaces the current key
    async with Client(kafka=logins.kafka(f"agent.{AGENT}"), agent_id=AGENT, key=key) as client:
        async with sending(client, jobs), all_connected_anew(system):
            old_passwords = await new_passwords_in_kafka(system, logins)
            old_address = await new_password_in_postgres(system)
        async with sending(client, jobs), all_connected_anew(system):
            old_ca = tmp_path / "old.pem"
            assert system.settings.kafka_ca_file is not None
            old_ca.write_text(system.settings.kafka_ca_file.read_text())
            await show_another(system.settings, Authority(tmp_path, "another"))
        jobs.append((await client.submit(prompt="What is 1 + 1?", timeout_s=60)).job_id)
    await system.until_ended([str(job) for job in jobs], 60)
    assert await system.problems([str(job) for job in jobs]) == []
    for part, old in old_passwords.items():
        own = {"kafka_password": SecretStr(old), "kafka_password_file": None}
        with pytest.raises(BusError):
            await await_server(logins.kafka(part).model_copy(update=own), 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old_address)
    with pytest.raises(KafkaLoginError, match="is not signed by the CA in"):
        await await_server(system.settings.model_copy(update={"kafka_ca_file": old_ca}), 1)


async def new_passwords_in_kafka(system: System, logins: SecureLogins) -> dict[str, str]:
    """Sets new passwords for the services that process jobs. Returns the old ones."""
    old = {}
    for part in ("router", "worker.small", "worker.medium", "worker.frontier", "audit"):
        kafka, new = logins.kafka(part), token_hex(24)
        assert kafka.kafka_username is not None
        assert kafka.kafka_password_file is not None
        old[part] = kafka.kafka_password_file.read_text()
        write_private(kafka.kafka_password_file, new)
        await set_passwords(system.settings, {kafka.kafka_username: new})
    return old


async def new_password_in_postgres(system: System) -> str:
    """Sets a new password for the audit and restarts it. Returns the address with the old one."""
    audit, user, new = system.processes["audit"], f"{system.prefix}.audit", token_hex(24)
    old = audit.environment[ADDRESS]
    await ensure_login(system.dsn, user, WRITER, new)
    audit.environment = {**audit.environment, ADDRESS: as_login(system.dsn, user, new)}
    assert audit.child is not None
    audit.child.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(audit.child.wait, 60) == 0
    audit.start()
    return old


@asynccontextmanager
async def all_connected_anew(system: System) -> AsyncIterator[None]:
    """Waits, after the block, until every service has a new connection."""
    yield
    before = connections(system)

    async def each_has_one() -> bool:
        now = connections(system)
        return all(now[name] - before[name] for name in now)

    await system.until(each_has_one, 60, "new connections")


def connections(system: System) -> dict[str, set[int]]:
    """Every service's connections to the broker, by local port."""
    broker = int(system.bootstrap.rpartition(":")[2])
    return {
        name: {
            connection.laddr.port
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.raddr and connection.raddr.port == broker
        }
        for name, process in system.processes.items()
        if name != "simulator"
    }


@asynccontextmanager
async def sending(client: Client, jobs: list[UUID]) -> AsyncIterator[None]:
    """Sends jobs during the block; one has ended before it begins."""
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


async def public_keys(system: System, logins: SecureLogins, *keys: PrivateKey) -> None:
    """Sets the public keys of the agent's entry, and waits until the router knows them."""
    router = system.processes["router"].log
    known = router.read_text().count(Event.REGISTRY_IN_FORCE)
    file = load_agents(logins.agents, TIERS)
    entries = [
        listed.model_copy(update={"public_keys": tuple(key.public.text for key in keys)})
        if listed.id == AGENT
        else listed
        for listed in file.agents
    ]
    await logins.register(file.model_copy(update={"agents": tuple(entries)}))

    async def is_known() -> bool:
        return router.read_text().count(Event.REGISTRY_IN_FORCE) > known

    await system.until(is_known, 60, "the router's new registry")


async def until_foreign(system: System, client: Client) -> None:
    """Wait until records that this client signs become dead letters."""
    async with asyncio.timeout(60):
        while True:
            await client.publish(prompt="What is 1 + 1?")
            letters = follow(system.settings, [system.topics.dead.name], start="beginning", until_end=True)
            reasons = {dict(letter.headers)["ce_reason"] async for letter in letters}
            if reasons:
                assert reasons == {b"signature_foreign"}
                return
