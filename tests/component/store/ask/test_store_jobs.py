"""Queries of the audit database: a job's story, reasons, outcome and cost."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
import pytest_asyncio

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.ask.jobs import Jobs
from tests.support.bus.example_records import NAMES, TOPICS, example, story, story_id
from tests.support.store.audit_store import audit_pool, observer, put

pytestmark = pytest.mark.stack

START = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)
CALL = 2


async def store(dsn: str, records: Sequence[Incoming]) -> None:
    async with audit_pool(dsn) as pool:
        await put(AuditWriter(pool, clock=lambda: START), [row_of(record, TOPICS) for record in records])


@pytest_asyncio.fixture
async def jobs(database: str) -> AsyncIterator[Jobs]:
    async with audit_pool(database), Jobs.opened(database) as opened:
        yield opened


async def test_the_story_is_in_order_across_topics(database: str, jobs: Jobs) -> None:
    await store(database, [*reversed(story(1, START)), *story(2, START)])
    steps = await jobs.timeline(story_id(1))
    assert [step.kind for step in steps] == [
        "job.submitted.v1",
        "job.routed.v1",
        "call.finished.v1",
        "job.completed.v1",
    ]
    assert [step.since_start for step in steps] == [timedelta(seconds=n) for n in range(4)]
    assert [step.step for step in steps] == [None, *[timedelta(seconds=1)] * 3]
    assert [step.topic for step in steps][0::2] == [TOPICS.intake.name, TOPICS.calls.name]
    assert all(step.offset == 1 for step in steps)
    called = orjson.loads(story(1, START)[CALL].value or b"")
    assert steps[CALL].payload == called
    assert steps[CALL].cost_usd == Decimal(called["cost_usd"])
    assert steps[1].causation_id == steps[0].message_id
    assert await jobs.timeline(story_id(3)) == []


async def test_messages_of_one_instant_come_in_the_order_of_a_job_s_life(database: str, jobs: Jobs) -> None:
    at = (("ce_time", b"2026-03-12T09:14:00.000000Z"),)
    records = [
        Incoming(*record.origin, int(START.timestamp() * 1000), record.key, record.value, headers)
        for record in story(1, START)
        for headers in [tuple(pair for pair in record.headers if pair[0] != "ce_time") + at]
    ]
    await store(database, list(reversed(records)))
    assert [step.kind for step in await jobs.timeline(story_id(1))] == [
        "job.submitted.v1",
        "job.routed.v1",
        "call.finished.v1",
        "job.completed.v1",
    ]


async def test_a_wrong_producer_clock_does_not_change_the_story(database: str, jobs: Jobs) -> None:
    submitted, *others = story(1, START)
    headers = tuple(
        (name, b"1999-01-01T00:00:00Z" if name == "ce_time" else value) for name, value in submitted.headers
    )
    lying = Incoming(*submitted.origin, submitted.timestamp_ms, submitted.key, submitted.value, headers)
    await store(database, [lying, *others])
    first, *_, last = await jobs.timeline(story_id(1))
    assert first.at == START
    assert last.since_start == timedelta(seconds=3)


async def test_a_dead_letter_says_in_words_why_it_is_one(database: str, jobs: Jobs) -> None:
    letter = example("job.dead.v1")
    of_the_job = (*letter.headers, ("ce_jobid", str(story_id(1)).encode()))
    await store(database, [*story(1, START), replace(letter, headers=of_the_job)])
    details = {step.kind: step.detail for step in await jobs.timeline(story_id(1))}
    assert details.pop("job.dead.v1") == dict(letter.headers)["ce_detail"].decode()
    assert set(details.values()) == {None}


async def test_the_decision_comes_with_its_job(database: str, jobs: Jobs) -> None:
    await store(database, story(1, START))
    routed = await jobs.decision(story_id(1))
    assert routed is not None
    message = orjson.loads(story(1, START)[1].value or b"")
    assert routed.message.job.job_id == story_id(1)
    assert orjson.loads(routed.message.decision.model_dump_json()) == message["decision"]
    assert (routed.topic, routed.partition, routed.offset) == story(1, START)[1].origin
    assert routed.at == START + timedelta(seconds=1)
    assert await jobs.decision(story_id(2)) is None


async def test_the_outcome_says_how_a_job_ended(database: str, jobs: Jobs) -> None:
    await store(database, story(1, START)[:3])
    assert await jobs.outcome(story_id(1)) is None
    await store(database, story(1, START)[3:])
    ended = await jobs.outcome(story_id(1))
    assert ended is not None
    body = orjson.loads(story(1, START)[3].value or b"")
    assert (ended.status, ended.tier, ended.attempts) == ("completed", body["tier"], body["attempts"])
    assert ended.cost_usd == Decimal(body["cost_usd"])
    assert ended.payload == body


@pytest.mark.parametrize(
    ("sent", "state"), [(1, "submitted"), (2, "routed"), (3, "called"), (4, "completed")]
)
async def test_a_job_is_one_line(database: str, jobs: Jobs, sent: int, state: str) -> None:
    await store(database, story(1, START)[:sent])
    (line,) = await jobs.states([story_id(1), story_id(2)])
    assert (line.state, line.messages, line.calls) == (state, sent, int(sent > CALL))
    assert line.submitted_at == START
    assert line.took == (timedelta(seconds=3) if sent == 4 else None)
    assert (line.tier is not None) == (sent > 1)
    call = orjson.loads(story(1, START)[CALL].value or b"")
    assert line.cost_usd == (Decimal(call["cost_usd"]) if sent > CALL else None)
    assert line.tokens_out == (call["usage"]["output_tokens"] if sent > CALL else None)


async def test_every_outcome_is_a_state(database: str, jobs: Jobs) -> None:
    ends = [example(name) for name in NAMES]
    await store(database, ends)
    states = await jobs.states([row.job_id for row in (row_of(e, TOPICS) for e in ends) if row.job_id])
    async with observer(database) as connection:
        counted = await connection.fetch("select state, count(*) from audit.jobs group by state")
    assert sum(row["count"] for row in counted) == len(states)
    assert {line.state for line in states} <= {
        "completed",
        "failed",
        "rejected",
        "expired",
        "cancelled",
        "submitted",
        "routed",
        "called",
        "unreadable",
    }


@pytest.mark.parametrize(
    "text",
    [
        *(str(story_id(1)), story_id(1).hex, str(story_id(1))[:11], story_id(1).hex[:6].upper()),
        *(
            str(story_id(1))[-12:],
            story_id(1).hex[-6:].upper(),
            story_id(1).hex[-20:],
            str(story_id(1))[-31:],
        ),
    ],
)
async def test_a_job_is_found_by_any_beginning_and_any_end_of_its_id(
    database: str, jobs: Jobs, text: str
) -> None:
    await store(database, [*story(1, START), *story(2, START)])
    assert await jobs.find_jobs(text) == [story_id(1)]


async def test_an_ambiguous_beginning_finds_as_many_as_asked_for(database: str, jobs: Jobs) -> None:
    await store(database, [record for number in range(30) for record in story(number, START)])
    ids = sorted(story_id(number) for number in range(30))
    assert await jobs.find_jobs("", limit=100) == ids
    assert await jobs.find_jobs("", limit=3) == ids[:3]
    for digit in "0123456789abcdef":
        assert await jobs.find_jobs(digit, limit=100) == [
            job for job in ids if job.hex.startswith(digit) or job.hex.endswith(digit)
        ]


@pytest.mark.parametrize("text", ["no id", "xyz", "%", "0" * 33, "é", "'; drop table audit.message"])
async def test_text_that_is_no_part_of_an_id_finds_nothing(jobs: Jobs, text: str) -> None:
    assert await jobs.find_jobs(text) == []


async def test_cost_by_tier_adds_up_the_calls_alone(database: str, jobs: Jobs) -> None:
    records = [
        *story(1, START, tier="small", cost_usd=Decimal("0.1"), status="retry"),
        *story(2, START, tier="small", cost_usd=Decimal("0.2")),
        *story(3, START, tier="frontier", cost_usd=None, usage=None),
        *story(4, START - timedelta(days=1), tier="small", cost_usd=Decimal(5)),
    ]
    await store(database, records)
    frontier, small = await jobs.cost_by_tier(START)
    assert (small.tier, small.jobs, small.calls, small.failed_calls) == ("small", 2, 2, 1)
    assert (small.cost_usd, small.unpriced_calls) == (Decimal("0.3"), 0)
    assert (frontier.cost_usd, frontier.unpriced_calls, frontier.tokens_in) == (None, 1, None)
    (cost,) = await jobs.cost_by_tier(START, [story_id(2)])
    assert (cost.jobs, cost.cost_usd) == (1, Decimal("0.2"))
    assert await jobs.cost_by_tier(START, []) == []


async def test_outcomes_by_tier_and_counts_by_topic(database: str, jobs: Jobs) -> None:
    await store(database, [record for number in range(3) for record in story(number, START)])
    (line,) = await jobs.outcomes_by_tier(START)
    assert (line.status, line.error_type, line.jobs) == ("completed", None, 3)
    assert await jobs.outcomes_by_tier(START, []) == []
    names = [TOPICS.intake.name, TOPICS.calls.name, "nowhere"]
    assert await jobs.count_of(names) == {names[0]: 3, names[1]: 3, "nowhere": 0}


async def test_the_views_answer_in_one_line_of_sql(database: str, jobs: Jobs) -> None:
    await store(database, story(1, START))
    decision = orjson.loads(story(1, START)[1].value or b"")["decision"]
    call = orjson.loads(story(1, START)[CALL].value or b"")
    async with observer(database) as connection:
        why = await connection.fetchrow("select * from audit.why where job_id = $1", story_id(1))
        calls = await connection.fetchrow("select * from audit.calls where job_id = $1", story_id(1))
        kinds = await connection.fetch(
            "select kind from audit.timeline where job_id = $1 order by at", story_id(1)
        )
    assert why is not None and calls is not None
    assert (why["rule"], why["reason"], why["tier"]) == (
        decision["rule"],
        decision["reason"],
        decision["tier"],
    )
    assert orjson.loads(why["checks"]) == decision["checks"]
    assert why["runner_up_rule"] == (decision["runner_up"] or {}).get("rule")
    assert orjson.loads(calls["request"]) == call["request"]
    assert orjson.loads(calls["response"]) == call["response"]
    assert len(kinds) == 4


async def test_queries_of_a_job_read_only_its_rows(database: str, jobs: Jobs) -> None:
    records = [record for n in range(400) for record in story(n, START + timedelta(hours=n % 48))]
    await store(database, records)
    async with observer(database) as connection:
        await connection.execute("analyze audit.message; set enable_seqscan = off")
        for question in (
            "select * from audit.timeline where job_id = $1",
            "select * from audit.jobs where job_id = any (array[$1::uuid])",
            "select * from audit.why where job_id = $1",
        ):
            plan = await connection.fetch(f"explain {question}", story_id(7))
            assert not any("Seq Scan" in line[0] for line in plan), question


def test_example_jobs_have_different_ids() -> None:
    assert isinstance(story_id(1), UUID)
    assert story_id(1).hex[:6] != story_id(2).hex[:6]
