"""The soak test's comparison passes a correct system and finds planted faults."""

from collections.abc import Iterable
from uuid import uuid4

import asyncpg
import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from tests.support.running.benched import measured
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow]


async def test_planted_bugs_are_found(system: System) -> None:
    jobs = list(await sent(system, 12))
    assert await system.problems(jobs) == []

    never_came = str(uuid4())
    assert await system.problems([*jobs, never_came]) == [f"job {never_came} has no outcome"]

    twice = outcome_of(jobs[0], await system.read())
    await system.send([with_id(twice, "another"), with_id(twice, "a third")])
    doubled = f"job {jobs[0]} has 3 outcomes"
    assert doubled in await system.problems(jobs)

    missing = outcome_of(jobs[1], await system.read())
    await delete_row(system, missing)
    found = await system.problems(jobs, within=1)
    assert f"{missing.origin} is not in the audit" in found
    assert doubled in found
    place = f"{missing.topic}/{missing.partition}@"
    assert any(each.startswith(place) for each in found)  # verification reports it from the chain


def test_the_soak_command() -> None:
    found = measured("soak", "--minutes", "0.1", "--rate", "20", "--every", "1.5", "--seed", "4")
    assert (found["sound"], found["problems"]) == (True, [])
    assert found["jobs"] == 120
    assert sum(found["outcomes"].values()) == 120
    assert found["outcomes"]["rejected"] > 0
    assert sum(found["killed"].values()) > 0
    assert sum(found["frozen"].values()) > 0
    assert found["records"] == found["rows"] > 4 * 100
    assert found["memory"]["router-2"]["lives"] == 1


async def sent(system: System, count: int) -> Iterable[str]:
    jobs = system.jobs(count)
    await system.send(list(jobs.values()))
    await system.until_ended(list(jobs), 60)
    return jobs


def outcome_of(job_id: str, records: Iterable[Incoming]) -> Incoming:
    return next(
        each for each in records if each.topic.endswith(".jobs.results") and each.key == job_id.encode()
    )


def with_id(record: Incoming, id: str) -> Outgoing:
    headers = [(name, id.encode() if name == "ce_id" else value) for name, value in record.headers]
    return Outgoing(record.topic, record.key, record.value, headers)


async def delete_row(system: System, record: Incoming) -> None:
    """Deletes a row as a superuser, who can disable the trigger that forbids it."""
    connection = await asyncpg.connect(system.dsn)
    try:
        await connection.execute("set session_replication_role = replica")
        await connection.execute(
            'delete from audit.message where topic = $1 and partition = $2 and "offset" = $3', *record.origin
        )
    finally:
        await connection.close()
