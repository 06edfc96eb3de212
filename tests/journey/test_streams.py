"""A streamed job: its pieces are sent beside its outcome and add up to the answer."""

import asyncio

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.read.follow import Follower
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.outcomes import JobCompleted
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


async def test_the_pieces_of_streams_are_the_answers_of_their_jobs(system: System) -> None:
    topics, jobs = system.topics, system.jobs(3, stream=True)
    await system.order_faults({"effect": {"kind": "slow_stream", "gap_ms": 10}})
    async with Follower(system.settings, [topics.chunks.name]) as follower:
        await system.send(list(jobs.values()))
        await system.until_ended(list(jobs), 120)
        answers = {}
        for record in await system.read():
            completed = decode(record) if record.topic == topics.results.name else None
            if isinstance(completed, Decoded) and isinstance(completed.message, JobCompleted):
                (choice,) = completed.message.response["choices"]
                answers[str(completed.message.job_id)] = choice["message"]["content"]
        streamed = dict.fromkeys(jobs, "")
        async with asyncio.timeout(60):
            while streamed != answers:
                for record in await follower.read():
                    piece = decode(record)
                    assert isinstance(piece, Decoded)
                    assert isinstance(piece.message, JobChunk)
                    for choice in (choice for event in piece.message.events for choice in event["choices"]):
                        streamed[str(piece.message.job_id)] += choice["delta"].get("content") or ""
    assert answers.keys() == jobs.keys()
    assert all(answers.values())
    assert await system.problems(list(jobs)) == []
