"""Jobs with too little confidence stop at the review topic, and others continue, on a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pytest

from pointsman import Client
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.window_lane import window_lanes
from pointsman.bus.read.follow import Follower
from pointsman.registry.publish import apply_file
from pointsman.router.app import build
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now
from pointsman.worker.handlers import STAGE, source_of
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.reviews import ReviewRequested
from tests.conftest import Kafka
from tests.support.text.parsed import parse_agents
from tests.support.worker.cascades import response
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import Worker, provider_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

TIERS = ("small", "medium", "frontier")
POLICY = """\
name: careful
tiers: [small, medium, frontier]
default: {tier: small, reason: The cheapest.}
rules:
  - {name: scored, when: {kind: [any-route, sure-route]}, tier: scored, fallback: small, reason: By score.}
score: {model: builtin, quality: 0.98, tiers: {medium: mid}}
review:
  queues: [{name: general, deadline_s: 3600}]
  thresholds:
    - {name: sure, of: routing, source: score, above: 1, kinds: [sure-route, unscored], queue: general}
    - {name: any, of: routing, source: score, above: 0, kinds: any-route, queue: general}
    - {name: clauses, of: answer, source: stated, above: 0.95, kinds: contract, queue: general}
"""
AGENTS = """\
unregistered: admit
agents:
  - {id: lawyer, owner: legal, confidence: [{source: stated, above: 0.99, queue: general}]}
"""
PROMPT = "What is the capital of France? A. Paris B. Rome C. Bonn"


def states(asked: Asked) -> bytes:
    """The answer states the prompt as its confidence, exactly as it is written there."""
    return http(body=response(asked.json["messages"][0]["content"]))


class Runs(Protocol):
    """A service or its lanes."""

    @property
    def run(self) -> Callable[[], Awaitable[None]]: ...

    @property
    def stop(self) -> Callable[[], None]: ...


@asynccontextmanager
async def running(*parts: Runs) -> AsyncIterator[None]:
    work = asyncio.gather(*(part.run() for part in parts))
    try:
        yield
    finally:
        for part in parts:
            part.stop()
        await work


async def test_low_confidence_stops_a_job_for_review(kafka: Kafka, tmp_path: Path) -> None:
    async with tiny_provider(states) as tiny, provider_of(tiny) as provider:
        (tmp_path / "policy.yaml").write_text(POLICY)
        settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=tmp_path / "policy.yaml")
        topics = settings.topics
        await apply(settings, topics.all(TIERS))
        await apply_file(settings, topics, parse_agents(AGENTS, TIERS, queues=["general"]), by="tests")
        ends = [topics.review.name, topics.results.name, topics.tier("medium").name]
        ends.append(topics.tier("frontier").name)
        expected: dict[UUID, str] = {}
        met: dict[UUID, object] = {}
        router = build(settings)
        worker = window_lanes(
            settings,
            f"{settings.prefix}.worker.small",
            topics.tier("small").name,
            Worker(provider, topics=topics).handler,
            window=8,
            failing=Failing(topics, stage=STAGE, source=source_of("small"), tier="small", clock=utc_now),
        )
        async with (
            running(router, worker),
            Client(kafka=settings) as client,
            Follower(settings, ends, start="beginning") as follower,
        ):

            async def publish(end: str, prompt: str, kind: str, agent: str = "anybody") -> None:
                job = {"agent_id": agent, "kind": kind, "prompt": prompt}
                expected[await client.publish(job)] = end

            for confidence, end in {
                "0.94": "0.94 < 0.95",
                "0.95": "0.95 = 0.95, must exceed it",
                "0.950000000000000001": "completed",
                "0.96": "completed",
                "NaN": "the confidence is not a number",
                "null": "the answer states no `confidence`",
            }.items():
                await publish(end, json.dumps({"confidence": 0}).replace("0", confidence), "contract")
            await publish("completed", '{"confidence": 0.1}', "poem")
            await publish("0.98 < 0.99", '{"confidence": 0.98}', "poem", "lawyer")
            await publish("the learned score did not choose the tier", PROMPT, "unscored")
            await publish("not exceeded", PROMPT, "sure-route")
            await publish("routed", PROMPT, "any-route")
            while len(met) < len(expected):
                for record in await follower.read():
                    read = decode(record)
                    assert isinstance(read, Decoded), read
                    job_id = read.envelope.job_id
                    assert job_id not in met, "one end each"
                    assert job_id is not None
                    met[job_id] = read.message
        for job_id, end in expected.items():
            message = met[job_id]
            match end:
                case "completed":
                    assert isinstance(message, JobCompleted)
                case "routed":  # to a tier without a worker here, or already completed
                    assert isinstance(message, JobRouted | JobCompleted)
                case _:
                    assert isinstance(message, ReviewRequested), (end, message)
                    assert end in ("not exceeded", message.stop.detail)
                    assert (message.proposed is None) == (message.stop.of == "routing")
