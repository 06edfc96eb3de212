"""An agent's key is replaced under a stream of its jobs: none is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from pointsman.bus.read.follow import follow
from pointsman.client.client import Client
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import load as load_agents
from pointsman.runtime.log_events import Event
from tests.support.running.system import TIERS, System

pytestmark = pytest.mark.stack

AGENT = "chat-desk"


async def test_jobs_go_on_while_the_agents_key_is_replaced(secure_system: System) -> None:
    system, logins, jobs = secure_system, secure_system.logins, list[UUID]()
    assert logins is not None
    old, new, desk = logins.key(AGENT), PrivateKey.generate(), logins.kafka(f"agent.{AGENT}")
    async with (
        Client(kafka=desk, agent_id=AGENT, key=old) as before,
        Client(kafka=desk, agent_id=AGENT, key=new) as after,
    ):
        async with sending(before, jobs):
            await public_keys(system, logins, old, new)
            async with sending(after, jobs):  # and before, too
                await system.until_ended([str(job) for job in jobs], 60)
        async with sending(after, jobs):
            await public_keys(system, logins, new)
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


async def public_keys(system: System, logins: SecureLogins, *keys: PrivateKey) -> None:
    """The agent's entry names these from now on, and the router knows it."""
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
    """Until what this client signs is a dead letter."""
    async with asyncio.timeout(60):
        while True:
            await client.publish(prompt="What is 1 + 1?")
            letters = follow(system.settings, [system.topics.dead.name], start="beginning", until_end=True)
            reasons = {dict(letter.headers)["ce_reason"] async for letter in letters}
            if reasons:
                assert reasons == {b"signature_foreign"}
                return
