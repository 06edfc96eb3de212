"""Durations use one clock; prices, patterns, changes and lengths are correct."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from pointsman.bus.codec.records import Incoming
from pointsman.store.sql import migrations
from pointsman_schemas.reasons import FailReason
from tests.support.running.servers import Servers
from tests.support.store.audit_store import observer
from tests.support.store.incident import START, Job, Try, record, recorded

pytestmark = pytest.mark.stack

SECOND = timedelta(seconds=1)
END = START + timedelta(hours=1)
FAILED = Try(FailReason.SERVER_ERROR, ms=500, tokens=None)
TRIED = Job(1, calls=(FAILED, FAILED, Try(ms=2000)))  # its calls begin after 3, 4.5 and 6 s


async def ask(dsn: str, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with observer(dsn) as connection:
        return [tuple(row) for row in await connection.fetch(question, *arguments)]


def changed(records: Sequence[Incoming], kind: str, **fields: Any) -> list[Incoming]:
    """The records, with changed fields in those of `kind`."""
    return [
        replace(record, value=json.dumps({**json.loads(record.value or b""), **fields}).encode())
        if dict(record.headers).get("ce_type") == f"pointsman.{kind}".encode()
        else record
        for record in records
    ]


async def test_a_call_has_its_own_times_not_its_job_s_end(database: str) -> None:
    await record(database, [TRIED])
    own = [(3.0, 3.5), (4.5, 5.0), (6.0, 8.0)]
    times = [(START + begun * SECOND, START + ended * SECOND) for begun, ended in own]
    calls = "select started_at, at from audit.calls where job_id = $1 order by attempt"
    work = "select started_at, at from audit.work($1, $2) order by attempt"
    question = "select at from audit.timeline where job_id = $1 and kind = 'call.finished.v1' order by at"
    assert await ask(database, calls, TRIED.id) == times
    assert await ask(database, work, START, END) == times
    assert await ask(database, question, TRIED.id) == [(ended,) for _, ended in times]


async def test_a_failure_counts_by_its_own_time(database: str) -> None:
    await record(database, [TRIED])
    question = "select first_at, last_at, failures from audit.errors($1, $2)"
    assert await ask(database, question, START, END) == [(START + 3 * SECOND, START + 5 * SECOND, 2)]
    assert await ask(database, question, START + 4 * SECOND, START + 6 * SECOND) == [
        (START + 4.5 * SECOND, START + 5 * SECOND, 1)
    ]
    assert await ask(database, question, START + 6 * SECOND, END) == []


async def test_outcomes_and_errors_are_on_one_clock(database: str) -> None:
    """The broker's clock is an hour ahead of the services' clocks."""
    job = replace(TRIED, calls=(FAILED,), end="failed")
    ahead = [replace(record, timestamp_ms=record.timestamp_ms + 3_600_000) for record in job.records()]
    await record(database, [], *ahead)
    (error,) = await ask(database, "select first_at, last_at from audit.errors($1, $2)", START, END)
    (outcome,) = await ask(database, "select first_at from audit.outcomes($1, $2)", START, END)
    assert error == (START + 3 * SECOND, START + 3.5 * SECOND)
    assert error[1] <= outcome[0] <= START + 5 * SECOND


@pytest.mark.parametrize(
    ("said", "began"),
    [
        ("2026-03-12T10:00:00.25+01:00", START + 0.25 * SECOND),
        ("2026-03-12T09:00:00Z", START),
        ("2026-02-30T09:00:00Z", START - 10 * 24 * 3600 * SECOND),  # masking may leave such a date
        ("1773306000", None),
        ("2026-13-12T09:00:00Z", None),
        ("2026-03-12T09:00:00+23:00", None),
        ("0000-00-00T00:00:00Z", None),
        ("***", None),
        (None, None),
        ({"a": 1}, None),
    ],
)
async def test_an_invalid_time_raises_no_error(three: str, said: Any, began: Any) -> None:
    question = "select audit.call_began_at($1::jsonb), audit.call_ended_at($1::jsonb, 'infinity') is not null"
    assert await ask(three, question, json.dumps({"started_at": said})) == [(began, began is not None)]


@pytest.fixture(scope="module")
def three(stack: Servers) -> Iterator[str]:
    with recorded(stack, [TRIED]) as dsn:
        yield dsn


async def test_older_jobs_have_the_new_columns(database: str) -> None:
    await record(database, [TRIED, Job(2, calls=(FAILED,), end="failed")])
    columns = "failed_call_at, failed_by, slowest_ms, slowest_at, slowest_by, outcome_message, prompt_chars"
    rows = await ask(database, f"select {columns} from audit.job order by job_id")
    assert any(row[0] == START + 3 * SECOND and row[2] == 2000 for row in rows)
    assert {row[6] for row in rows} == {len(TRIED.prompt)}
    text = _backfill()
    async with observer(database) as connection:
        await connection.execute(
            "update audit.job set failed_call_at = null, failed_by = null, slowest_ms = null,"
            " slowest_at = null, slowest_by = null, outcome_message = null, prompt_chars = 99"
        )
        await connection.execute(text)
    assert await ask(database, f"select {columns} from audit.job order by job_id") == rows


def _backfill() -> str:
    (text,) = [text for name, text in migrations().items() if name.endswith("_job_times.sql")]
    return text[text.index("-- Jobs of before, too") :]


async def test_the_characters_of_a_prompt_are_one_number(three: str) -> None:
    question = (
        "select job.prompt_chars, asked.prompt_chars from audit.jobs as job join audit.asked using (job_id)"
        " where job_id = $1"
    )
    assert await ask(three, question, TRIED.id) == [(len(TRIED.prompt), len(TRIED.prompt))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected ',' at line 3 column 17 (char 1204)", "expected ',' at line 1 column 9 (char 8)"),
        ('no such user "ann@example.com"', 'no such user "bob"'),
        ("request req01HF9A2B3C4D failed after 12.5 s", "request req01HF9A2B3C4E failed after 3 s"),
        ("no 3f2b8c1e-9d7a-4c3b-8e2f-1a2b3c4d5e6f", "no 00000000-0000-0000-0000-000000000000"),
    ],
)
async def test_errors_that_differ_in_a_position_are_one(three: str, one: str, other: str) -> None:
    question = "select audit.error_pattern($1), audit.error_pattern($2)"
    ((first, second),) = await ask(three, question, one, other)
    assert first == second
    assert first != one


async def test_distinguishing_parts_of_errors_are_kept(three: str) -> None:
    for text in ("simulator answered 503: no", "the model gpt-4.1-nano doesn't know the word 'no one's'"):
        ((pattern,),) = await ask(three, "select audit.error_pattern($1)", text)
        assert "503" in pattern or "gpt-4.1-nano doesn't know" in pattern


async def test_errors_of_one_pattern_are_one_line(database: str) -> None:
    records = [
        changed_record
        for number in range(20)
        for changed_record in changed(
            Job(number, calls=(FAILED,), end="failed").records(),
            "call.finished.v1",
            error=f"broken at char {number * 37}",
        )
    ]
    await record(database, [], *records)
    errors = await ask(database, "select failures, jobs, error_pattern from audit.errors($1, $2)", START, END)
    assert errors == [(20, 20, "broken at char N")]


async def test_errors_show_how_many_were_not_retried(database: str) -> None:
    job = Job(1, calls=(FAILED,), end="failed")
    message = "it is overloaded -- not tried again: retries made up the tier's share of calls"
    records = changed(job.records(), "job.failed.v1", limit="retry budget", message=message)
    await record(database, [Job(2, calls=(FAILED,), end="failed")], *records)
    assert await ask(database, "select jobs, not_retried from audit.errors($1, $2)", START, END) == [(2, 1)]
    assert await ask(database, "select jobs, not_retried from audit.outcomes($1, $2)", START, END) == [(2, 1)]
    question = "select outcome_message, outcome_limit from audit.jobs where job_id = $1"
    assert await ask(database, question, job.id) == [(message, "retry budget")]


async def test_missing_prices_are_unknown_and_estimated_separately(database: str) -> None:
    free = Try(FailReason.SERVER_ERROR, tokens=(0, 0))
    broken = Try(FailReason.BAD_RESPONSE, paid=False, tokens=None)
    jobs = [
        Job(1, prompt="x" * 4000, calls=(broken,), end="failed"),
        *[Job(number, calls=(Try(tokens=(100 * number, 700 - 70 * number)),)) for number in range(2, 8)],
    ]
    await record(database, jobs)
    question = "select cost_usd, unpriced_calls, estimated_usd from audit.waste($1, $2)"
    ((cost, unpriced, estimated),) = await ask(database, question, START, END)
    assert (cost, unpriced) == (None, 1)
    answer = sum(700 - 70 * number for number in range(2, 8)) / 6
    assert float(estimated) == pytest.approx((1000 * 0.1 + answer * 0.4) / 1e6, rel=0.01)
    await record(database, [Job(20, calls=(free,), end="failed")])
    assert await ask(database, question, START, END) == [(Decimal(0), 1, estimated)]


async def test_a_new_system_reports_no_accidental_changes(database: str) -> None:
    """Four agents in turn, and another policy from the 60th job on, all within an hour."""
    agents = ("chat-desk", "invoice-reader", "math-tutor", "contract-reviewer")
    await record(
        database,
        [
            Job(
                number,
                START + 10 * number * SECOND,
                agents[number % 4] if number != 100 else "new-here",
                policy="p-1" if number < 60 else "p-2",
                rule="rare" if number == 100 else "everyday-writing",
            )
            for number in range(120)
        ],
    )
    question = "select at, change, dimension, value from audit.changes($1, $2)"
    assert await ask(database, question, START, END) == [
        (START + SECOND, "the record begins", None, None),
        (START + 601 * SECOND, "appeared", "policy_version", "p-2"),
    ]
    # A single job of an agent or a rule may be late by chance.
    later = await ask(database, question, START + 900 * SECOND, END)
    assert [row[1:] for row in later] == [
        ("the record begins", None, None),
        ("not seen after", "policy_version", "p-1"),
    ]


async def test_words_select_their_jobs_only(three: str) -> None:
    question = "select job_id from audit.blast_radius($3, $4, $1, $2)"
    assert await ask(three, question, START, END, "word", "today") == [(TRIED.id,)]
    assert await ask(three, question, START, END, "agent_id + word", "chat-desk + Today") == [(TRIED.id,)]
    for word in ("toda", "to'day", "%"):
        assert await ask(three, question, START, END, "word", word) == []
    with pytest.raises(asyncpg.InvalidParameterValueError, match="has 2 parts"):
        await ask(three, question, START, END, "agent_id + word", "today")
