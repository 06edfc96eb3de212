"""A review in the whole system: intake, decision, outcome, audit, `why` and `trace`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.client.client import Client
from pointsman.client.reviews import KnownCase, Reviewer, read_cases
from pointsman.registry.publish import apply_file
from pointsman.review.case import WAITING
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobRejected
from pointsman_schemas.reviews import ReviewAnswered
from tests.conftest import Kafka
from tests.support.review.cases import edited
from tests.support.running.command import Command
from tests.support.running.system import TIERS, System
from tests.support.text.parsed import parse_agents

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]

POLICY = """\
name: careful
tiers: [small, medium, frontier]
default: {tier: small, reason: The cheapest.}
review:
  queues: [{name: legal, deadline_s: 3600}]
  thresholds: [{name: clauses, of: answer, source: logprob, above: 1, kinds: contract, queue: legal}]
"""
AGENTS = """\
unregistered: admit
agents: [{id: ana, owner: reviewers, reviews: [legal]}, {id: chat-desk, owner: care}]
"""


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    (tmp_path / "policy.yaml").write_text(POLICY)
    started = System(
        tmp_path,
        kafka.bootstrap,
        database,
        kafka.prefix,
        review=True,
        POINTSMAN_POLICY=str(tmp_path / "policy.yaml"),
    )
    try:
        await started.start()
        await apply_file(started.settings, started.topics, parse_agents(AGENTS, TIERS), by="tests")
        yield started
    finally:
        started.stop()


async def waiting(system: System, job_id: str, revision: int = 1) -> KnownCase:
    """The case of a job, once it waits at this revision or a later one."""
    async with asyncio.timeout(60):
        while True:
            cases = await read_cases(system.settings, system.topics)
            for case in cases.all:
                if str(case.job_id) == job_id and case.status in WAITING and case.revision >= revision:
                    known = cases.known(case.job_id)
                    assert known is not None
                    return known
            await asyncio.sleep(0.2)


async def test_each_case_ends_as_it_was_decided(system: System, tmp_path: Path) -> None:
    stops: dict[str, Outgoing] = system.jobs(5, kind="contract", tier=None)
    others = system.jobs(3, kind="chat", tier=None)
    await system.send([*stops.values(), *others.values()])
    approve, edit, send, reject, cancel = stops
    async with (
        Reviewer(system.settings, system.topics, "ana") as ana,
        Client(kafka=system.settings) as client,
    ):

        def done(answer: ReviewAnswered) -> ReviewAnswered:
            assert answer.refused is None, answer
            return answer

        proposed = await waiting(system, approve)
        done(await ana.decide(proposed, "approve"))
        done(await ana.decide(await waiting(system, edit), "edit", reason="wrong", response=edited()))
        sent = done(await ana.decide(await waiting(system, send), "send", reason="harder", tier="medium"))
        again = await waiting(system, send, sent.revision + 1)
        done(await ana.decide(again, "approve"))
        done(await ana.decide(await waiting(system, reject), "reject", reason="no basis"))
        withdrawn = await waiting(system, cancel)
        await client.cancel(withdrawn.case.job_id, agent_id="chat-desk")
        outcomes = {job: await client.wait(job_id, timeout_s=60) for job, job_id in _ids(stops).items()}
    await system.until_ended([*stops, *others], 60)
    assert await system.problems([*stops, *others]) == []

    assert proposed.request is not None
    assert outcomes[approve] == proposed.request.proposed
    assert isinstance(outcomes[edit], JobCompleted)
    assert outcomes[edit].response == edited()
    assert isinstance(outcomes[send], JobCompleted)
    assert outcomes[send].tier == "medium"
    assert isinstance(outcomes[reject], JobRejected)
    assert isinstance(outcomes[cancel], JobCancelled)
    states = {
        str(row["job_id"]): row["state"]
        for row in await system.fetch("select job_id, state from audit.reviews")
    }
    assert states == {
        approve: "approved", edit: "edited", send: "approved", reject: "rejected", cancel: "withdrawn"
    }  # fmt: skip

    pointsman = Command(tmp_path, {"POINTSMAN_POSTGRES": system.dsn})
    trace = await pointsman.run("trace", edit)
    for line in ("< 1 (rule clauses)", "edit, by ana: wrong", "queue legal"):
        assert line in trace.out, trace.out
    why = await pointsman.run("why", edit)
    assert "stopped by rule clauses" in why.out
    assert "edit by ana, " in why.out
    environment = {"POINTSMAN_KAFKA": system.bootstrap, "POINTSMAN_PREFIX": system.prefix}
    output = await Command(tmp_path, {**pointsman.environment, **environment}).run("review", "show", reject)
    assert "decided before, by the same rule and agent" in output.out, output.err
    assert "edit at 0." in output.out
    report = await pointsman.run("report", edit, "--format", "md")
    assert report.code == 0, report.err


def _ids(jobs: dict[str, Outgoing]) -> dict[str, UUID]:
    return {job: UUID(job) for job in jobs}
