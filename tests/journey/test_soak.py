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
    problems = await system.problems(jobs, within=1)
    assert f"{missing.origin} is not in the audit" in problems
    assert doubled in problems
    place = f"{missing.topic}/{missing.partition}@"
    assert any(problem.startswith(place) for problem in problems)  # verification reports it from the chain


def test_the_soak_command() -> None:
    report = measured("soak", "--minutes", "0.1", "--rate", "20", "--every", "1.5", "--seed", "4")
    assert (report["sound"], report["problems"]) == (True, [])
    assert report["jobs"] == 120
    assert sum(report["outcomes"].values()) == 120
    assert report["outcomes"]["rejected"] > 0
    assert sum(report["killed"].values()) > 0
    assert sum(report["frozen"].values()) > 0
    assert report["records"] == report["rows"] > 4 * 100
    assert report["memory"]["router-2"]["lives"] == 1


async def sent(system: System, count: int) -> Iterable[str]:
    jobs = system.jobs(count)
    await system.send(list(jobs.values()))
    await system.until_ended(list(jobs), 60)
    return jobs


def outcome_of(job_id: str, records: Iterable[Incoming]) -> Incoming:
    return next(
        record
        for record in records
        if record.topic.endswith(".jobs.results") and record.key == job_id.encode()
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
