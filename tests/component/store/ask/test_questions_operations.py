"""Queries of the audit database about operation: stuck jobs, running services, delays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move
from pointsman_schemas.reasons import FailReason
from tests.support.store.audit_store import audit_pool, observer, row
from tests.support.store.incident import START, Job, Try, answered_by, record

pytestmark = pytest.mark.stack

END = START + timedelta(days=1)


async def ask(dsn: str, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with observer(dsn) as connection:
        return [tuple(row) for row in await connection.fetch(question, *arguments)]


async def test_stuck_are_old_jobs_without_an_outcome(database: str) -> None:
    now = datetime.now(UTC)
    hour = now - timedelta(hours=1)
    jobs = [
        Job(1, hour, calls=(), end=None),
        Job(2, hour),
        Job(3, now, calls=(), end=None),
        Job(4, hour, end=None),
        Job(5, hour - timedelta(days=30), calls=(), end=None),
    ]
    submitted = Job(6, hour + timedelta(minutes=1), calls=(), end=None).records()[:1]
    await record(database, jobs, *submitted)
    stuck = await ask(database, "select job_id, state, waits_for, age from audit.stuck(interval '5 minutes')")
    assert [stuck_job[:3] for stuck_job in stuck] == [
        (jobs[0].id, "routed", "a worker of tier small"),
        (jobs[3].id, "called", "its outcome"),
        (Job(6).id, "submitted", "the router"),
    ]
    assert all(timedelta(minutes=59) < stuck_job[3] < timedelta(minutes=70) for stuck_job in stuck)


async def test_escalations_name_both_tiers(database: str) -> None:
    await record(database, [Job(1, tiers=("small", "medium")), Job(2), Job(3, tiers=("medium", "medium"))])
    escalations = await ask(
        database, "select job_id, first_tier, last_tier, routes, last_reason from audit.escalations"
    )
    assert escalations == [(Job(1).id, "small", "medium", 2, "everyday-writing says medium")]


async def test_misroutes_say_why(database: str) -> None:
    refused = Try(FailReason.MODEL_NOT_FOUND, status="reject", tokens=None)
    jobs = [
        Job(1, tiers=("small", "medium")),
        Job(2, tiers=("frontier",), calls=(Try(tokens=(100, 5)),)),
        Job(3, tiers=("frontier",), calls=(Try(tokens=(100, 500)),)),
        Job(4, calls=(Try(tokens=(100, 5)),)),
        Job(5, calls=(refused,), end="failed"),
    ]
    await record(database, jobs)
    misroutes = await ask(
        database,
        "select job_id, verdict, tier, evidence from audit.misroutes($1, $2) order by verdict",
        START,
        END,
    )
    assert misroutes == [
        (jobs[4].id, "no such model", "small", "the provider of this tier answers model_not_found"),
        (jobs[1].id, "perhaps too high", "frontier", "an answer of 5 tokens on the dearest tier"),
        (jobs[0].id, "too low", "small", "went from small to medium"),
    ]


async def test_agents_have_owners_and_sums(database: str) -> None:
    failed = Try(FailReason.TIMEOUT, tokens=None)
    jobs = [
        Job(1), Job(2, tiers=("medium",), calls=(failed, Try())), Job(3, agent="stranger", end="rejected"),
    ]  # fmt: skip
    await record(database, jobs)
    agents = await ask(
        database,
        "select agent_id, owner, registered, jobs, calls, failed_calls, refused_jobs, tiers"
        " from audit.agents($1, $2)",
        START, END,
    )  # fmt: skip
    assert agents == [
        ("chat-desk", "customer-care", True, 2, 3, 1, 0, ["medium", "small"]),
        ("stranger", None, None, 1, 0, 0, 1, None),
    ]


async def test_talks_lead_from_agents_to_tiers_and_models(database: str) -> None:
    await record(database, [Job(1), Job(2), Job(3, agent="math-tutor", tiers=("medium",))])
    talks = await ask(
        database, "select sender, receiver, by, messages, failed from audit.talks($1, $2)", START, END
    )
    assert talks == [
        ("chat-desk", "tier small", "routed jobs", 2, None),
        ("chat-desk", f"simulator/{answered_by('small')}", "calls of tier small", 2, 0),
        ("math-tutor", "tier medium", "routed jobs", 1, None),
        ("math-tutor", f"simulator/{answered_by('medium')}", "calls of tier medium", 1, 0),
    ]


async def test_the_audit_s_own_lag_is_told_lane_by_lane(database: str) -> None:
    now = datetime.now(UTC)
    async with audit_pool(database) as pool:
        late = [row(0, broker_at=now - timedelta(seconds=40)), row(1, broker_at=now - timedelta(hours=3))]
        await AuditWriter(pool).append(late, {("t", 0): Move(None, 2), ("t", 1): Move(None, 9)})
    lanes = await ask(
        database,
        "select partition, next_offset, records_last_hour, median_delay, since_last_batch from audit.lag"
        " order by 1",
    )
    assert [lane[:3] for lane in lanes] == [(0, 2, 1), (1, 9, 0)]
    assert timedelta(seconds=40) <= lanes[0][3] < timedelta(seconds=70)
    assert lanes[1][3] is None
    assert timedelta(0) <= lanes[0][4] < timedelta(seconds=30)


async def test_every_question_is_listed_with_an_example_that_runs(database: str) -> None:
    await record(database, [Job(1), Job(2, end="rejected")])
    async with observer(database) as connection:
        listed = await connection.fetch("select * from audit.questions order by place")
        for question in listed:
            await connection.fetch(question["example"].replace("JOB", str(Job(1).id)))
        unasked = await connection.fetch(
            "select relname from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'v'"
            " and relname::text <> all ($1::text[])",
            [entry["name"] for entry in listed],
        )
    assert len(listed) >= 24
    assert listed[0]["name"] == "timeline"
    assert unasked == []
