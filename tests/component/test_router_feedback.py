"""A router hears verdicts from the feedback topic and stops asking a score that they prove wrong."""

import asyncio
import re
from pathlib import Path

import pytest

from pointsman import Client
from pointsman.bus.admin import apply
from pointsman.bus.decode import Decoded, decode
from pointsman.bus.follow import follow
from pointsman.router.app import build
from pointsman.router.settings import RouterSettings
from pointsman.score.promise import LEAST
from pointsman_schemas.jobs import JobRouted
from tests.conftest import Kafka

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

POLICY = """\
name: scored
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
score: {model: builtin, quality: 0.98, tiers: {medium: mid}}
"""
#: The shipped model is sure that its middle tier can do this.
QUESTION = "What is the capital of France? A. Paris B. Rome C. Bonn"


async def test_bad_verdicts_end_the_scores_word(kafka: Kafka, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=policy)
    topics = settings.topics
    await apply(kafka.bootstrap, topics.all(("small", "medium", "frontier")))
    router = build(settings)
    async with Client(kafka=kafka.bootstrap, prefix=kafka.prefix, agent_id="math-tutor") as client:

        async def routed(count: int) -> list[JobRouted]:
            jobs = set(await client.publish_many([{"prompt": QUESTION}] * count))
            found: list[JobRouted] = []
            pattern = re.compile(re.escape(topics.tier("x").name[:-1]))
            async for record in follow(kafka.bootstrap, pattern, start="beginning"):
                read = decode(record)
                if isinstance(read, Decoded) and isinstance(read.message, JobRouted):
                    found += [read.message] if read.message.job.job_id in jobs else []
                if len(found) == count:
                    break
            return found

        async with router.broker:
            await router.broker.start()
            work = asyncio.ensure_future(router.run())
            try:
                before = await routed(LEAST)
                assert {each.decision.tier for each in before} == {"medium"}
                for each in before:
                    await client.feedback(each.job.job_id, 0.0, by="reviewer")
                async with asyncio.timeout(60):
                    while (await routed(1))[0].decision.tier != "frontier":
                        pass
                (after,) = await routed(1)
            finally:
                router.stop()
                await work
    (said,) = [check for check in after.decision.checks if check.name == "promise"]
    assert said.detail.startswith("the score promises too much: 0.0 of 30 judged answers good")
