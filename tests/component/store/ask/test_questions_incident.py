"""Queries of the audit database about an incident: cause, extent and start."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from pointsman_schemas.reasons import FailReason
from tests.support.running.servers import Servers
from tests.support.store.audit_store import observer
from tests.support.store.incident import (
    MODELS,
    START,
    Job,
    Try,
    failing_agent,
    job_id,
    record,
    recorded,
    unreadable,
)

pytestmark = pytest.mark.stack

END = START + timedelta(hours=2)
HIT = [job for job in failing_agent() if job.end == "failed"]


@pytest.fixture(scope="module")
def hour(stack: Servers) -> Iterator[str]:
    """The recorded hour, and a job of another day that must not be in any result."""
    before = START - timedelta(days=2)
    other = Job(900, before, "invoice-reader", "extract", policy="p-0")
    with recorded(stack, [*failing_agent(), other], unreadable(1, before)) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def audit_db(hour: str) -> AsyncIterator[asyncpg.Connection]:
    async with observer(hour) as connection:
        yield connection


async def ask(connection: asyncpg.Connection, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(question, START, END, *arguments)]


async def test_the_likeliest_cause_comes_first(audit_db: asyncpg.Connection) -> None:
    first, *others = await ask(
        audit_db,
        "select dimension, value, failed, good, share_of_failed, share_of_good, failure_rate, usual_error,"
        " example_job from audit.suspects($1, $2)",
    )
    assert (first[0], first[1]) == ("model + agent_id", f"{MODELS['small']} + invoice-reader")
    good = 15
    assert (first[2], first[3]) == (len(HIT), good)  # each job once, though each was tried three times
    assert float(first[4]) == 1
    assert float(first[5]) == pytest.approx(good / (120 - len(HIT)), abs=0.001)
    assert float(first[6]) == pytest.approx(len(HIT) / (len(HIT) + good), abs=0.001)
    assert first[7] == "server_error"
    assert first[8] in {job.id for job in HIT}
    assert ("agent_id", "invoice-reader") in [other[:2] for other in others]
    assert not [other for other in others if "chat-desk" in other[1]]
    assert all(other[4] > other[5] for other in others)


async def test_a_property_of_all_jobs_is_no_suspect_if_no_job_succeeded(database: str) -> None:
    failed = Try(FailReason.SERVER_ERROR, tokens=None)
    well = [Job(number, START) for number in range(5)]
    ill = [Job(10 + n, START + timedelta(minutes=9), "a", calls=(failed,), end="failed") for n in range(5)]
    await record(database, [*well, *ill])
    async with observer(database) as connection:
        suspects = await connection.fetch("select dimension from audit.suspects($1, $2)", START, END)
    assert [suspect["dimension"] for suspect in suspects] == ["agent_id", "error_type"]


async def test_an_isolated_earlier_failure_does_not_hide_the_cause(audit_db: asyncpg.Connection) -> None:
    suspects = await audit_db.fetch(
        "select dimension, value from audit.suspects($1, $2)", START - timedelta(days=3), END
    )
    assert tuple(suspects[0]) == ("model + agent_id", f"{MODELS['small']} + invoice-reader")


async def test_the_lift_is_against_the_rate_of_all_jobs(audit_db: asyncpg.Connection) -> None:
    (suspect,) = await ask(
        audit_db,
        "select failed, good, lift from audit.suspects($1, $2) where dimension = 'agent_id' and value = $3",
        "invoice-reader",
    )
    assert suspect[:2] == (len(HIT), 40 - len(HIT))
    assert float(suspect[2]) == pytest.approx((len(HIT) / 40) / (len(HIT) / 120), abs=0.01)


async def test_a_pair_without_new_information_is_left_out(audit_db: asyncpg.Connection) -> None:
    suspects = await ask(audit_db, "select dimension, value, failed, good from audit.suspects($1, $2)")
    pairs = [suspect for suspect in suspects if "+" in suspect[0]]
    assert len({pair[2:] for pair in pairs}) == len(pairs)
    assert not [pair for pair in pairs if set(pair[0].split(" + ")) == {"tier", "provider"}]


async def test_errors_come_last_and_have_no_lift(audit_db: asyncpg.Connection) -> None:
    suspects = await ask(audit_db, "select dimension, value, lift from audit.suspects($1, $2)")
    assert suspects[-1] == ("error_type", "server_error", None)


async def test_a_time_without_failures_has_no_suspects(audit_db: asyncpg.Connection) -> None:
    assert (
        await audit_db.fetch("select * from audit.suspects($1, $2)", START, START + timedelta(minutes=20))
        == []
    )


async def test_one_failure_and_one_success_are_not_enough(audit_db: asyncpg.Connection) -> None:
    at = START - timedelta(days=2)
    suspects = await audit_db.fetch(
        "select dimension, value, failed, good from audit.suspects($1, $2)", at, at + timedelta(minutes=5)
    )
    assert [tuple(row) for row in suspects] == [
        (None, "nothing recorded separates them", 1, 1), ("error_type", "not_json", 1, 0),
    ]  # fmt: skip


async def test_without_successful_jobs_there_is_no_comparison(database: str) -> None:
    failed = Try(FailReason.SERVER_ERROR, tokens=None)
    await record(database, [Job(number, calls=(failed,), end="failed") for number in range(3)])
    async with observer(database) as connection:
        first, *others = await connection.fetch("select * from audit.suspects($1, $2)", START, END)
    assert "nothing to compare with" in first["value"]
    assert ("agent_id", "chat-desk") in [(row["dimension"], row["value"]) for row in others]
    assert all(row["lift"] is None and row["lift_low"] is None for row in others)


@pytest.mark.parametrize(
    ("dimension", "value", "jobs"),
    [
        ("model + agent_id", f"{MODELS['small']} + invoice-reader", 30),
        ("agent_id+model", f"invoice-reader+{MODELS['small']}", 30),
        ("agent_id", "invoice-reader", 40),
        ("tier", "small", 90),
        ("policy_version", "p-2", 70),
        ("error_type", "server_error", len(HIT)),
        ("task_kind", "extract", 40),
        ("prompt_length", "under 500 characters", 24),
        ("hour", "2026-03-12 09:00 UTC", 120),
        ("agent_id", "'; drop table audit.message", 0),
    ],
)
async def test_the_blast_radius_names_each_job_once(
    audit_db: asyncpg.Connection, dimension: str, value: str, jobs: int
) -> None:
    affected = await ask(audit_db, "select job_id from audit.blast_radius($3, $4, $1, $2)", dimension, value)
    assert len(set(affected)) == len(affected) == jobs


async def test_the_blast_radius_has_the_outcomes(audit_db: asyncpg.Connection) -> None:
    outcomes = await ask(
        audit_db,
        "select state, count(*), sum(failed_calls), sum(cost_usd) from audit.blast_radius("
        "'model + agent_id', $3, $1, $2) group by 1 order by 1",
        f"{MODELS['small']} + invoice-reader",
    )
    assert [outcome[:3] for outcome in outcomes] == [("completed", 15, 0), ("failed", len(HIT), 3 * len(HIT))]


@pytest.mark.parametrize(
    ("dimension", "value", "expected"),
    [
        ("colour", "red", "unknown dimension"),
        ("agent_id + model", "red", "has 2 parts"),
        ("job_id; --", "x", "unknown"),
    ],
)
async def test_an_invalid_query_is_refused_with_a_hint(
    audit_db: asyncpg.Connection, dimension: str, value: str, expected: str
) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match=expected) as caught:
        await audit_db.fetch("select * from audit.blast_radius($1, $2)", dimension, value)
    assert caught.value.hint


async def test_counts_per_minute_show_the_start(audit_db: asyncpg.Connection) -> None:
    minutes = await ask(
        audit_db,
        "select minute, calls, failed_calls, failed_percent from audit.minutes($1, $2)"
        " where failed_calls > 0",
    )
    assert minutes[0][0] == START + timedelta(minutes=31)  # the 63rd job is the first
    assert sum(minute[2] for minute in minutes) == 3 * len(HIT)
    assert all(minute[3] == 100 * minute[2] / minute[1] for minute in minutes)


async def test_outcomes_and_errors_are_counted_with_an_example(audit_db: asyncpg.Connection) -> None:
    outcomes = await ask(audit_db, "select status, reason, tier, jobs, percent from audit.outcomes($1, $2)")
    assert ("failed", "server_error", "small", len(HIT), pytest.approx(100 * len(HIT) / 120, abs=0.1)) in [
        (*outcome[:4], float(outcome[4])) for outcome in outcomes
    ]
    (error,) = await ask(
        audit_db, "select agent_id, model, failures, jobs, example_job from audit.errors($1, $2)"
    )
    assert error[:4] == ("invoice-reader", MODELS["small"], 3 * len(HIT), len(HIT))
    assert error[4] == HIT[-1].id


async def test_what_changed_in_that_hour(audit_db: asyncpg.Connection) -> None:
    since = START + timedelta(minutes=10)
    changes = await audit_db.fetch(
        "select at, change, dimension, value, messages from audit.changes($1, $2)", since, END
    )
    assert [tuple(change)[1:4] for change in changes] == [("appeared", "policy_version", "p-2")]
    assert changes[0]["at"] == START + timedelta(seconds=30 * 50 + 1)
    assert changes[0]["messages"] == 70
    whole = await ask(audit_db, "select change, dimension, value from audit.changes($1, $2)")
    assert whole == [("appeared", "agent_id", "chat-desk"), ("appeared", "policy_version", "p-2")]


async def test_dead_letters_say_what_and_where(audit_db: asyncpg.Connection) -> None:
    letters = await audit_db.fetch("select reason, detail, stage, origin, value from audit.dead_letters")
    assert [tuple(letter) for letter in letters] == [
        ("not_json", "expected a quote", "router", "pointsman.jobs.intake/0@1", b"{ no json")
    ]


async def test_the_work_view_includes_jobs_without_a_call(database: str) -> None:
    jobs = [
        Job(1), Job(2, end="rejected"), Job(3, calls=(), end=None), Job(4, calls=(), end="cancelled"),
        Job(5, calls=(Try(status="cancelled", tokens=None),), end="cancelled"),
    ]  # fmt: skip
    await record(database, jobs, unreadable(7, START))
    async with observer(database) as connection:
        work = await connection.fetch(
            "select job_id, what, failed, error_type from audit.work($1, $2)", START, END
        )
    assert sorted(map(tuple, work), key=str) == sorted(
        [
            (job_id(1), "call", False, None),
            (job_id(2), "no call", True, "agent_not_allowed"),
            (job_id(3), "no call yet", None, None),
            (job_id(4), "no call", None, None),
            (job_id(5), "call", None, None),
            (None, "dead letter", True, "not_json"),
        ],
        key=str,
    )
