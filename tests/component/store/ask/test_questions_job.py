"""Queries of the audit database about one job."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from pointsman_schemas.reasons import FailReason
from tests.support.running.servers import Servers
from tests.support.store.audit_store import observer
from tests.support.store.incident import START, Job, Try, answered_by, record, recorded

pytestmark = pytest.mark.stack

SECOND = timedelta(seconds=1)
RETRIED = Job(1, calls=(Try(FailReason.SERVER_ERROR, ms=500, tokens=None), Try(ms=2000)))
REJECTED = Job(2, end="rejected", agent="stranger")
WAITING = Job(3, calls=(), end=None)


@pytest.fixture(scope="module")
def three(stack: Servers) -> Iterator[str]:
    """Three jobs: one tried twice, one rejected, one that waits for a worker."""
    with recorded(stack, [RETRIED, REJECTED, WAITING]) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def audit_db(three: str) -> AsyncIterator[asyncpg.Connection]:
    async with observer(three) as connection:
        yield connection


async def ask(connection: asyncpg.Connection, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(question, *arguments)]


async def test_stages_show_where_the_time_went(audit_db: asyncpg.Connection) -> None:
    stages = await ask(
        audit_db,
        "select stage, took, attempt, error_type from audit.stages where job_id = $1"
        " order by began_at, stage desc",
        RETRIED.id,
    )
    assert stages == [
        ("waiting for the router", SECOND, None, None),
        ("waiting for a worker", 2 * SECOND, 1, "server_error"),
        ("calling the model", SECOND / 2, 1, "server_error"),
        ("waiting before the next attempt", SECOND, 2, None),
        ("calling the model", 2 * SECOND, 2, None),
        ("writing the outcome", SECOND, None, None),
    ]


async def test_the_stages_add_up_to_the_job(audit_db: asyncpg.Connection) -> None:
    (pair,) = await ask(
        audit_db,
        "select (select sum(took) from audit.stages where job_id = $1), took from audit.jobs"
        " where job_id = $1",
        RETRIED.id,
    )
    assert pair[0] == pair[1] == 7.5 * SECOND


async def test_actors_are_the_agent_the_router_and_the_worker(audit_db: asyncpg.Connection) -> None:
    actors = await ask(
        audit_db,
        "select actor, messages, wrote from audit.actors where job_id = $1 order by first_at",
        RETRIED.id,
    )
    assert actors == [
        ("chat-desk", 1, ["job.submitted.v1"]),
        ("pointsman/router", 1, ["job.routed.v1"]),
        ("pointsman/worker/small", 3, ["call.finished.v1", "job.completed.v1"]),
    ]


async def test_the_prompt_is_shown_whether_or_not_the_job_was_routed(audit_db: asyncpg.Connection) -> None:
    question = (
        "select agent_id, task_kind, prompt_chars, messages::text like '%due today%' from audit.asked"
        " where job_id = $1"
    )
    for job, agent in ((RETRIED, "chat-desk"), (REJECTED, "stranger")):
        assert await ask(audit_db, question, job.id) == [(agent, "chat", len(job.prompt), True)]


async def test_the_prompt_is_shown_as_routed(database: str) -> None:
    submitted, *others = Job(1).records()
    plain = b'{"job_id": "%s", "agent_id": "chat-desk", "prompt": "?"}' % str(Job(1).id).encode()
    await record(database, [], replace(submitted, value=plain, headers=()), *others)
    async with observer(database) as connection:
        prompts = await ask(
            connection,
            "select jsonb_typeof(messages), task_kind from audit.asked where job_id = $1",
            Job(1).id,
        )
    assert prompts == [("array", "chat")]


@pytest.mark.parametrize(
    ("body", "chars"),
    [
        ('{"messages": [{"content": "four"}, {"content": "né"}]}', 6),
        (
            '{"messages": [{"content": [{"type": "text", "text": "abc"}, {"type": "image_url"}]},'
            ' {"content": null}]}',
            3,
        ),
        ('{"prompt": "hello"}', 5),
        ('{"messages": "no list"}', None),
        ('{"messages": [1, "two"]}', None),
        ("[]", None),
    ],
)
async def test_characters_are_counted_as_the_router_counts_them(
    audit_db: asyncpg.Connection, body: str, chars: int | None
) -> None:
    assert await audit_db.fetchval("select audit.prompt_chars($1::jsonb)", body) == chars


async def test_changes_shortly_before_a_job(database: str) -> None:
    other = Job(200, START - 3 * SECOND, policy="p-0")
    before = [Job(number, START + number * SECOND) for number in range(10)]
    five = START + timedelta(minutes=5)
    after = [Job(100 + number, five, policy="p-2", model="gpt-4.1-nano-2") for number in range(3)]
    await record(database, [other, *before, *after, Job(300, five, agent="new-here", policy="p-2")])
    question = "select dimension, value, before_job, instead_of from audit.changes_before($1, $2)"
    changed = [
        ("policy_version", "p-2", -SECOND, "p-1"),
        ("model of small", "simulator/gpt-4.1-nano-2", -4.8 * SECOND, f"simulator/{answered_by('small')}"),
    ]
    async with observer(database) as connection:
        assert await ask(connection, question, after[2].id, timedelta(minutes=4)) == changed
        assert await ask(connection, question, before[9].id, timedelta(days=1)) == [
            ("policy_version", "p-1", 8 * SECOND, "p-0")
        ]
        assert await ask(connection, question, before[9].id, timedelta(seconds=7)) == []
        assert await ask(connection, question, other.id, timedelta(days=99)) == []  # the first on record
        agent = await ask(connection, question, Job(300).id, timedelta(days=1))
        assert ("agent_id", "new-here", 0 * SECOND, "no job of it") in agent
