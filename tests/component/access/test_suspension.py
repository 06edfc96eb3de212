"""A suspended agent can no longer write, not even on a connection that was already open."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from pointsman.access.apply import Servers, apply, issue, plan, suspend
from pointsman.access.derive import Access, derive
from pointsman.bus.errors import BusError
from pointsman.bus.tcp_check import addresses, await_server, connected
from pointsman.registry.changes import plan as registry_plan
from pointsman.registry.publish import Person, submit
from pointsman.registry.registry import RegistryHistory
from pointsman.store.roles import AUDITOR, as_login, ensure_login
from tests.support.access import requests
from tests.support.access.agents import entry_of
from tests.support.access.installation import PREFIX, TIERS, Guarded
from tests.support.access.session import REFUSED, Session
from tests.support.running.command import Command
from tests.support.text.parsed import parse_agents

pytestmark = [pytest.mark.stack, pytest.mark.slow]

#: The promised time in seconds.
WITHIN_S = 5.0
AGENTS = [f"suspended-{number}" for number in range(20)]
INTAKE = f"{PREFIX}.jobs.intake"


async def test_twenty_suspensions_take_effect_in_time(guarded: Guarded) -> None:
    made = await _with_agents(guarded, AGENTS)
    other = Session(guarded.part(f"{PREFIX}.agent.reader"))
    refused_after = []
    for agent in AGENTS:
        user = f"{PREFIX}.agent.{agent}"
        async with Session(made.part(user)) as session:
            assert await session.code(requests.produce(INTAKE)) == 0
            began = time.monotonic()
            await suspend(guarded.broker.admin, user)
            async with asyncio.timeout(60):
                while not await _is_refused(session):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            refused_after.append(time.monotonic() - began)
            assert [await _is_refused(session) for _ in range(5)] == [True] * 5
    print(
        f"\nrefused after {min(refused_after):.2f} to {max(refused_after):.2f} s, {len(refused_after)} of 20"
    )
    assert [seconds for seconds in refused_after if seconds > WITHIN_S] == []
    async with other:
        assert await other.code(requests.produce(INTAKE)) == 0
    await _without(guarded, AGENTS)


async def test_open_connections_end_and_new_ones_are_refused(guarded: Guarded) -> None:
    agent = "ended"
    made = await _with_agents(guarded, [agent])
    user = f"{PREFIX}.agent.{agent}"
    ((host, port),) = addresses(made.part(user).kafka)
    async with connected(made.part(user), host, port, 10) as connection:
        await suspend(guarded.broker.admin, user)
        with pytest.raises(KafkaConnectionError):
            async with asyncio.timeout(60):
                while True:
                    await connection.send(MetadataRequest([]))
                    await asyncio.sleep(0.05)
    with pytest.raises(BusError):
        await await_server(made.part(user), 1)
    await _without(guarded, [agent])


async def test_an_unexplained_login_is_removed_with_its_sessions(guarded: Guarded) -> None:
    name = f"{PREFIX}.leaver"
    await ensure_login(guarded.owner, name, AUDITOR, "x")
    session = await asyncpg.connect(as_login(guarded.owner, name, "x"))
    servers = Servers(None, guarded.owner)
    assert [change.name for change in await apply(servers, guarded.access, {})] == [name]
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
        async with asyncio.timeout(60):
            while True:
                await session.execute("select 1")
                await asyncio.sleep(0.02)
    owner = await asyncpg.connect(guarded.owner)
    await owner.execute(f'drop role "{name}"')
    await owner.close()


async def _is_refused(session: Session) -> bool:
    try:
        return await session.code(requests.produce(INTAKE)) in REFUSED
    except KafkaError:  # it cannot even reconnect
        return True


async def _with_agents(guarded: Guarded, agents: list[str]) -> Guarded:
    servers, access = Servers(guarded.broker.admin, None), _access(guarded, agents)
    passwords = issue(access, servers, await plan(servers, access))
    await apply(servers, access, passwords)
    return replace(guarded, access=access, passwords=guarded.passwords | passwords)


async def _without(guarded: Guarded, agents: list[str]) -> None:
    """Checks that none of these agents' ACLs are left."""
    servers = Servers(guarded.broker.admin, None)
    # Users of other installations are reported as `!`.
    left = [change for change in await plan(servers, guarded.access) if change.sign != "!"]
    assert {change.sign for change in left} == {"-"}
    assert not [change for change in left if change.acl and any(agent in change.acl.user for agent in agents)]
    await apply(servers, guarded.access, {})


def _access(guarded: Guarded, agents: list[str]) -> Access:
    known = [entry_of("reader"), entry_of("reader-2", 60, 1000), *map(entry_of, agents)]
    return derive(guarded.topics, TIERS, known, cascade=("small", "frontier"), claims_in_postgres=True)


async def test_suspending_an_agent_removes_its_login(guarded: Guarded, tmp_path: Path) -> None:
    agent = "told"
    made = await _with_agents(guarded, [agent])
    kafka, topics = guarded.broker.admin, guarded.topics
    entries = parse_agents("{unregistered: reject, agents: [{id: told, owner: x, kafka: true}]}", TIERS)
    await submit(kafka, topics, RegistryHistory(), registry_plan(entries, RegistryHistory()), Person("dana"))
    command = Command(tmp_path, guarded.environment())
    async with Session(made.part(f"{PREFIX}.agent.{agent}")) as session:
        assert await session.code(requests.produce(INTAKE)) == 0
        done = await command.run("agents", "suspend", agent, "--by", "dana")
        assert (done.code, done.out, done.err) == (0, "told: active -> suspended\n", "")
        async with asyncio.timeout(60):
            while not await _is_refused(session):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    await _without(guarded, [agent])


async def test_without_the_right_to_remove_a_login_the_command_reports_it(
    guarded: Guarded, tmp_path: Path
) -> None:
    kafka, topics = guarded.broker.admin, guarded.topics
    entries = parse_agents("{unregistered: reject, agents: [{id: reader, owner: x, kafka: true}]}", TIERS)
    history = RegistryHistory()
    await submit(kafka, topics, history, registry_plan(entries, history), Person("dana"))
    command = Command(tmp_path, guarded.environment(f"{PREFIX}.registry"))
    done = await command.run("agents", "suspend", "reader", "--by", "dana")
    assert (done.code, done.out) == (0, "reader: active -> suspended\n"), done.err
    assert "its Kafka login stays" in done.err
    assert "pointsman access suspend agent.reader" in done.err
    async with Session(guarded.part(f"{PREFIX}.agent.reader")) as session:
        assert await session.code(requests.produce(INTAKE)) == 0
