"""Each case gets exactly one decision and one outcome while the review service is killed and restarted."""

import asyncio
import os
import random
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.read.follow import follow
from pointsman.dev.services.processes import Process
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.review.cases import request
from tests.support.review.crowd import Crowd, problems, request_record
from tests.support.review.service import publish, review_services

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(420)]

#: For a longer run: REVIEW_CASES=1000 REVIEW_KILLS=20 REVIEW_FREEZES=5 REVIEW_SEED=7.
CASES, KILLS, FREEZES, SEED = (
    int(os.environ.get(f"REVIEW_{name}", default))
    for name, default in (("CASES", 100), ("KILLS", 3), ("FREEZES", 1), ("SEED", 1))
)
PEOPLE = [f"person-{number}" for number in range(200)]


@pytest.fixture
async def services(kafka: Kafka, tmp_path: Path) -> AsyncIterator[list[Process]]:
    """Two review processes, so that one can take over."""
    people = [f"{{id: {name}, owner: reviewers, reviews: [legal]}}" for name in PEOPLE]
    async with review_services(kafka.settings, tmp_path, people, 2) as processes:
        yield processes


async def test_each_case_is_decided_once_despite_kills_and_freezes(
    kafka: Kafka, services: list[Process]
) -> None:
    topics = Topics(kafka.prefix)
    requests = [request(number, open_per_person=1000) for number in range(CASES)]
    crowd = Crowd(topics, PEOPLE, SEED)
    commands = crowd.commands(requests)
    chance = random.Random(SEED)
    await publish(kafka.settings, [request_record(topics, requested) for requested in requests])
    await _until(kafka, topics, "reviews.state", CASES, distinct=True)
    sending = asyncio.create_task(_slowly(kafka, commands, seconds=2.5 * KILLS + 10 * FREEZES))
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 2.0))
        for process in services:  # the active one is among them
            assert process.child is not None
            process.child.kill()
            process.child.wait()
            process.start()
            if chance.random() < 0.5:
                break
    for _ in range(FREEZES):
        victim = chance.choice(services)
        assert victim.child is not None
        victim.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(8)
        victim.child.send_signal(signal.SIGCONT)
    await sending
    await _until(kafka, topics, "reviews.answers", len(commands))
    log = await _log(kafka)
    assert problems(topics, crowd, requests, log) == []


async def _slowly(kafka: Kafka, records: list[Outgoing], seconds: float) -> None:
    portion = max(1, len(records) // 40)
    for first in range(0, len(records), portion):
        await publish(kafka.settings, records[first : first + portion])
        await asyncio.sleep(seconds / 40)


async def _log(kafka: Kafka) -> list[Incoming]:
    pattern = re.compile(Topics(kafka.prefix).pattern)
    return [record async for record in follow(kafka.settings, pattern, start="beginning", until_end=True)]


async def _until(kafka: Kafka, topics: Topics, name: str, count: int, *, distinct: bool = False) -> None:
    """Waits for this many records; `distinct`: for records of this many cases."""
    wanted = f"{topics.prefix}.{name}"
    seen: set[object] = set()
    async with asyncio.timeout(180):
        async for record in follow(kafka.settings, [wanted], start="beginning"):
            if not distinct:
                seen.add(record.origin)
            elif record.key is not None and record.key.startswith(b"case/"):
                seen.add(record.key)
            if len(seen) >= count:
                return
