"""While no process gives second opinions, jobs continue without them, and `doctor` reports it."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from pointsman import Client, starter
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.read.follow import Follower
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.publish import apply_file
from pointsman.router.app import build
from pointsman.router.opinion import opinion_availability
from pointsman.router.settings import RouterSettings
from pointsman_schemas.base import Message
from pointsman_schemas.jobs import JobRouted, JobUndecided
from tests.conftest import Kafka
from tests.support.router.asking_policy import asking_policy
from tests.support.running.command import Command

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

TIERS = ("small", "medium", "frontier")


async def test_jobs_do_not_wait_long_for_a_missing_opinion_service(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opinion_availability, "_LOOK_S", 0.1)
    policy = tmp_path / "policy.yaml"
    policy.write_text(asking_policy(wait_s=0.5))
    settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=policy)
    topics = settings.topics
    await apply(kafka.settings, topics.all(TIERS))
    await apply_file(kafka.settings, topics, load_agents(starter.AGENTS, TIERS), by="tests")
    names = [topics.opinion.name, *(topics.tier(tier).name for tier in TIERS)]
    pointsman = Command(
        tmp_path,
        {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_POLICY": str(policy),
        },
    )

    async def checked() -> bool:
        findings = (await pointsman.run("doctor", "--json")).json
        (check,) = [finding for finding in findings if finding["check"] == "opinion"]
        return bool(check["ok"])

    router = build(settings)
    async with (
        Client(kafka=kafka.bootstrap, prefix=kafka.prefix, agent_id="math-tutor") as client,
        Follower(kafka.settings, names, start="beginning") as follower,
    ):

        async def until(kind: type[Message]) -> Message:
            """Returns the first job with this result."""
            while True:
                await asyncio.sleep(0.05)  # many similar jobs at once would look like unfamiliar work
                await client.publish(prompt="What is the capital of France? A. Paris B. Rome C. Bonn")
                for record in await follower.read():
                    read = decode(record)
                    assert isinstance(read, Decoded)
                    if isinstance(read.message, kind):
                        return read.message

        work = asyncio.ensure_future(router.run())
        try:
            alone = await until(JobRouted)
            assert isinstance(alone, JobRouted)
            assert alone.decision.tier == "frontier"
            assert alone.decision.checks[-1].detail.startswith("nobody has given one for ")
            assert not await checked()
            member = AIOKafkaConsumer(
                topics.opinion.name, bootstrap_servers=kafka.bootstrap, group_id=settings.opinion_group
            )
            async with member:
                await until(JobUndecided)
                assert await checked()
        finally:
            router.stop()
            await work
