"""A gateway's signatures are accepted for agents with API keys, while permitted, on a real broker.

The tests wait for registry changes; they do not test how long a change takes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from pointsman import Client, starter
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming
from pointsman.bus.read.follow import Follower
from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.keys import PrivateKey
from pointsman.registry.changes import turned
from pointsman.registry.follow import followed_registry, read_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.publish import Person, apply_file, submit
from pointsman.router.policy import policy_file
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now
from pointsman_schemas.control.registry import State
from pointsman_schemas.jobs import JobRouted
from tests.conftest import Kafka
from tests.support.router.running_router import running_router
from tests.support.text.parsed import parse_agents

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

OWN, GATEWAY = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
OLD, NEW = ApiKeyText.make(), ApiKeyText.make()
TIERS = policy_file.load(starter.POLICY).tiers


def agents(*keys: ApiKeyText) -> str:
    listed = ", ".join(f"{{id: {key.id}, sha256: {key.sha256}}}" for key in keys)
    return f"""\
unregistered: reject
identity: signed
agents:
  - {{id: app, owner: x, public_keys: {OWN.public.text}, api_keys: [{listed}]}}
  - {{id: plain, owner: x, public_keys: {OWN.public.text}}}
  - {{id: gateway, owner: x, gateway: true, public_keys: {GATEWAY.public.text}}}
"""


@dataclass
class Installation:
    """A router that requires signatures, and its agents."""

    settings: RouterSettings

    async def sent(self, agent: str, key: PrivateKey) -> Incoming:
        """Submits a job. Returns its routed record or dead letter."""
        async with Client(kafka=self.settings, key=key) as client:
            job_id = await client.publish({"agent_id": agent, "kind": "sql", "prompt": "p"})
        while True:
            for record in await self._ends():
                if record.key == str(job_id).encode():
                    return record
            await asyncio.sleep(0.1)

    async def _ends(self) -> list[Incoming]:
        topics = self.settings.topics
        names = [topics.dead.name, *(topics.tier(tier).name for tier in TIERS)]
        records: list[Incoming] = []
        async with Follower(self.settings, names, start="beginning", until_end=True) as follower:
            while not follower.ended:
                records += await follower.read()
        return records

    async def until(self, agent: str, key: PrivateKey, reason: str | None) -> None:
        """Submits jobs until one is refused for this reason, or routed if the reason is None."""
        for _ in range(100):
            if (last_reason := why(await self.sent(agent, key))) == reason:
                return
        raise AssertionError(f"a hundred jobs of {agent} later it is {last_reason}, not {reason}")

    async def turn(self, agent: str, state: State) -> None:
        history = await read_registry(self.settings, self.settings.topics)
        change = turned(history.agents[agent], state)
        await submit(self.settings, self.settings.topics, history, [change], Person("tests"))

    async def apply(self, text: str) -> None:
        await apply_file(self.settings, self.settings.topics, parse_agents(text, TIERS), by="tests")


def why(record: Incoming) -> str | None:
    """Returns the reason of a dead letter; None if the job was routed."""
    reason = dict(record.headers).get("ce_reason")
    return None if reason is None else reason.decode()


@asynccontextmanager
async def installation(kafka: Kafka) -> AsyncIterator[Installation]:
    settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=starter.POLICY)
    await apply(settings, settings.topics.all(TIERS))
    made = Installation(settings)
    await made.apply(agents(OLD))
    async with running_router(settings):
        yield made


async def test_a_gateway_submits_for_agents_with_api_keys_until_it_is_suspended(kafka: Kafka) -> None:
    async with installation(kafka) as made:
        read = decode(await made.sent("app", GATEWAY))
        assert isinstance(read, Decoded) and isinstance(read.message, JobRouted)
        assert read.message.job.agent_id == "app"
        assert "identity is signed" in str(read.message.decision.checks)
        assert why(await made.sent("plain", GATEWAY)) == "signature_foreign", "it has no API keys"
        await made.turn("gateway", "suspended")
        await made.until("app", GATEWAY, "signature_foreign")
        assert why(await made.sent("app", OWN)) is None, "its own key is good as before"
        await made.turn("gateway", "active")
        await made.until("app", GATEWAY, None)


async def test_a_key_is_replaced_with_overlap_and_revoked_while_a_gateway_runs(kafka: Kafka) -> None:
    async with installation(kafka) as made:
        in_force = RegistryInForce()

        async def known(key: ApiKeyText, agent: str | None) -> None:
            for _ in range(3_000):
                if in_force.agent_of_key(key.text, utc_now()) == agent:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"{key.id} is not of {agent}")

        async with followed_registry(made.settings, made.settings.topics, in_force, None):
            await known(OLD, "app")
            await made.apply(agents(OLD, NEW))
            await known(NEW, "app")
            assert in_force.agent_of_key(OLD.text, utc_now()) == "app"
            await made.apply(agents(NEW))
            await known(OLD, None)
            assert in_force.agent_of_key(NEW.text, utc_now()) == "app"
            await made.apply(agents())
            await known(NEW, None)
        await made.until("app", GATEWAY, "signature_foreign")
