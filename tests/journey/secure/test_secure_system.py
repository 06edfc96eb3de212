"""The whole system with one login per service: the broker refuses everything beyond its rights."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.produce.chunk_publisher import ChunkPublisher
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import Follower
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import Person, submit
from tests.support.running.system import System

#: The error for topics that a login may not write, or may not even see.
_REFUSED = "not in Kafka, or not for {user}: {topic}|TopicAuthorizationFailedError"

pytestmark = pytest.mark.stack


async def test_jobs_end_while_connections_reauthenticate(secure_system: System) -> None:
    jobs = secure_system.jobs(30)
    await secure_system.send(list(jobs.values()))
    await secure_system.until_ended(list(jobs), 120)
    secure_system.kill("worker-small")
    secure_system.add("worker-small-2", like="worker-small")
    more = secure_system.jobs(30)
    await secure_system.send(list(more.values()))
    await secure_system.until_ended(list(more), 120)
    assert await secure_system.problems([*jobs, *more]) == []


async def test_each_service_is_refused_everything_beyond_its_rights(secure_system: System) -> None:
    logins, topics = secure_system.logins, secure_system.topics
    assert logins is not None
    not_its_part = {
        "router": topics.calls,
        "worker.small": topics.intake,
        "worker.medium": topics.tier("small"),
        "audit": topics.results,
        "agent.chat-desk": topics.results,
    }
    for part, topic in not_its_part.items():
        with pytest.raises(
            BusError, match=_REFUSED.format(user=logins.kafka(part).kafka_username, topic=topic.name)
        ):
            async with Publisher(logins.kafka(part)) as publisher:
                await publisher.publish([Outgoing(topic.name, None, b"{}", [])], within=30)


async def test_pieces_of_answers_are_written_under_a_worker_s_login(secure_system: System) -> None:
    logins, topics = secure_system.logins, secure_system.topics
    assert logins is not None
    publisher = ChunkPublisher(logins.kafka("worker.small"))
    async with Follower(secure_system.settings, [topics.chunks.name]) as follower, publisher.running():
        publisher.send(Outgoing(topics.chunks.name, b"k", b"{}", []))
        async with asyncio.timeout(60):
            while not await follower.read():
                pass


async def test_unsigned_records_have_no_effect(secure_system: System) -> None:
    """A job becomes a dead letter; a registry change is ignored."""
    (unsigned,) = secure_system.unsigned_jobs(1).values()
    (signed,) = secure_system.jobs(1).values()
    assert secure_system.logins is not None
    (foreign,) = secure_system.jobs(1, agent_id="math-tutor").values()
    foreign = replace(foreign, value=(foreign.value or b"").replace(b"math-tutor", b"chat-desk"))
    await secure_system.send([unsigned, foreign, signed])
    await secure_system.until_ended([(signed.key or b"").decode()], 120)

    async def both_dead() -> bool:
        dead = [
            record for record in await secure_system.read() if record.topic == secure_system.topics.dead.name
        ]
        return {record.value for record in dead} == {unsigned.value, foreign.value}

    await secure_system.until(both_dead, 60, "two dead letters")

    logins, topics = secure_system.logins, secure_system.topics
    registry = logins.kafka("registry")
    history = await read_registry(registry, topics, logins.people)
    thief = Person(logins.registrar.id)  # has the login, but not the key
    for agent, person in (("math-tutor", thief), ("data-analyst", logins.registrar)):
        await submit(registry, topics, history, [turned(history.agents[agent], "suspended")], person)

    async def is_refused(agent: str) -> bool:
        ((job_id, job),) = secure_system.jobs(1, agent_id=agent).items()
        await secure_system.send([job])
        await secure_system.until_ended([job_id], 60)
        refusals = "select 1 from audit.message where kind = 'job.rejected.v1' and job_id = $1"
        return bool(await secure_system.fetch(refusals, UUID(job_id)))

    await secure_system.until(lambda: is_refused("data-analyst"), 60, "the signed change")
    assert not await is_refused("math-tutor")
