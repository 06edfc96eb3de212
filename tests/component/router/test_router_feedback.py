"""Routers read verdicts, and stop using a score that they prove wrong until a person trusts it again."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pointsman import Client, starter
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.publish import apply_file
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now
from pointsman.runtime.log_events import Event
from pointsman.score.calibration import LEAST
from pointsman_schemas.decisions import Score
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.router.running_router import running_router
from tests.support.running.command import Command

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

POLICY = """\
name: scored
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
score: {model: builtin, quality: 0.98, tiers: {medium: mid}}
"""
#: A prompt for which the shipped model confidently chooses its middle tier.
QUESTION = "What is the capital of France? A. Paris B. Rome C. Bonn"

Route = Callable[[int], Awaitable[list[JobRouted]]]


def through(settings: RouterSettings, client: Client) -> Route:
    """Publishes this many jobs. Returns them as routed."""
    pattern = re.compile(re.escape(settings.topics.tier("x").name[:-1]))

    async def routed(count: int) -> list[JobRouted]:
        jobs = set(await client.publish_many([{"prompt": QUESTION}] * count))
        messages: list[JobRouted] = []
        async for record in follow(settings, pattern, start="beginning"):
            read = decode(record)
            if isinstance(read, Decoded) and isinstance(read.message, JobRouted):
                messages += [read.message] if read.message.job.job_id in jobs else []
            if len(messages) == count:
                break
        return messages

    return routed


async def until(route: Route, tier: str) -> JobRouted:
    """Returns the first job that goes to `tier`."""
    async with asyncio.timeout(60):
        while True:
            (routed,) = await route(1)
            if routed.decision.tier == tier:
                return routed


async def test_bad_verdicts_suspend_the_score_in_every_router_until_it_is_trusted(
    kafka: Kafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=policy)
    tiers = ("small", "medium", "frontier")
    await apply(kafka.settings, settings.topics.all(tiers))
    await apply_file(kafka.settings, settings.topics, load_agents(starter.AGENTS, tiers), by="tests")
    pointsman = Command(
        tmp_path,
        {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_POLICY": str(policy),
        },
    )
    async with Client(kafka=kafka.bootstrap, prefix=kafka.prefix, agent_id="math-tutor") as client:
        route = through(settings, client)
        async with running_router(settings):
            before = await route(LEAST)
            assert {message.decision.tier for message in before} == {"medium"}
            nothing_yet = await pointsman.run("policy", "trust")
            assert nothing_yet.code == 1
            assert "the score general@" in nothing_yet.err
            for decided in before:
                await client.feedback(decided.job.job_id, 0.0, by="reviewer", judged=decided.decision)
            after = await until(route, "frontier")
        (promise,) = [check for check in after.decision.checks if check.name == "promise"]
        assert promise.detail.startswith("the score promises too much: 0.0 of 30 judged answers good")
        checked = {check["check"]: check for check in (await pointsman.run("doctor", "--json")).json}
        assert checked["score"]["ok"] is False
        assert promise.detail in checked["score"]["said"]
        async with running_router(settings):
            (first,) = await route(1)
            assert first.decision.tier == "frontier", "it is on record before the first job"
            assert first.decision.checks == after.decision.checks
            trusted = await pointsman.run("policy", "trust", "--by", "ana", "--comment", "a judge was wrong")
            assert (trusted.code, trusted.err) == (0, "")
            await until(route, "medium")
        async with running_router(settings):
            (still,) = await route(1)
            assert still.decision.tier == "medium", (
                "the verdicts from before are read again, and count no more"
            )
        checked = {check["check"]: check for check in (await pointsman.run("doctor", "--json")).json}
        assert checked["score"]["ok"] is True
    events = [
        record.getMessage()
        for record in caplog.records
        if record.name == "pointsman.router.feedback_listener"
    ]
    broken = Event.SCORE_SUSPENDED
    assert events == [broken, broken, Event.SCORE_RESUMED], "the second router found it on record"


async def test_a_clients_verdict_carries_the_prediction(kafka: Kafka) -> None:
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, topics.all(("small",)))
    score = Score(model="general@1", sufficient=0.97, threshold=0.94)
    async with (
        Client(kafka=kafka.bootstrap, prefix=kafka.prefix, agent_id="math-tutor") as client,
        Publisher(kafka.settings) as publisher,
    ):
        job_id = await client.publish(prompt=QUESTION)
        completed = JobCompleted(
            job_id=job_id, agent_id="math-tutor", tier="small", attempts=1, cost_usd=None, provider="p",
            model="m", usage=None, response={}, score=score,
        )  # fmt: skip
        cover = first_envelope(
            job_id, source="w", type=completed.TYPE, time=utc_now(), agent_id="math-tutor", job_id=job_id
        )
        await publisher.publish([emit(topics.results, str(job_id).encode(), cover, completed)])
        assert await client.wait(job_id, timeout_s=30) == completed
        await client.feedback(job_id, True)
    records = follow(kafka.settings, [topics.feedback.name], start="beginning", until_end=True)
    (read,) = [decode(record) async for record in records]
    assert isinstance(read, Decoded) and isinstance(read.message, JobFeedback)
    assert (read.message.tier, read.message.score) == ("small", score)
