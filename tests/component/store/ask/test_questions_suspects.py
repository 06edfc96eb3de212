"""What failed or slow jobs have in common, including the words of their prompts."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pointsman_schemas.reasons import FailReason
from tests.support.running.servers import Servers
from tests.support.store.audit_store import observer
from tests.support.store.incident import MODELS, START, Job, Try, record, recorded

pytestmark = pytest.mark.stack

END = START + timedelta(hours=2)
AGENTS = ("chat-desk", "invoice-reader", "math-tutor", "contract-reviewer")
TALK = [
    "please",
    "tell",
    "us",
    "what",
    "is",
    "due",
    "for",
    "order",
    "and",
    "why",
    "it",
    "came",
    "late",
    "said",
    "the",
    "customer",
    "in",
    "a",
    "letter",
    "of",
    "today",
]
BROKEN = Try(FailReason.BAD_RESPONSE, tokens=(200, 100), paid=False)
NOTHING = "nothing recorded separates them"
SUSPECTS = "select * from audit.suspects($1, $2, outcome => $3)"


def noise(seed: int, jobs: int = 300) -> list[Job]:
    """An hour of similar jobs with random agents, tiers, words, ticket numbers and durations."""
    draw = random.Random(seed)
    return [
        Job(
            number,
            START + timedelta(seconds=12 * number),
            draw.choice(AGENTS),
            draw.choice(("chat", "extract")),
            f"{' '.join(draw.choices(TALK, k=12))}, ticket {draw.randrange(4000, 4040)}.",
            (draw.choice(("small", "medium")),),
            calls=(Try(ms=draw.lognormvariate(6.5, 0.5)),),
        )
        for number in range(jobs)
    ]


def failing(job: Job, tries: int = 3) -> Job:
    return replace(job, calls=(BROKEN,) * tries, end="failed")


def planted() -> list[Job]:
    """Ticket 4711 breaks the medium model's answers; later, calls of math-tutor become slow."""
    return [_planted(job) for job in noise(1)]


def _planted(job: Job) -> Job:
    if job.number % 10 == 3:
        ticket = replace(job, prompt=job.prompt.replace(", ticket", ", INC-4711 as"))
        return failing(ticket) if job.tiers == ("medium",) else ticket
    if job.number >= 150 and job.agent == "math-tutor":
        return replace(job, calls=(Try(ms=job.calls[0].ms * 8),))
    if job.number % 25 == 0:  # other failures, which have nothing in common
        return failing(job, tries=4)
    return job


@pytest.fixture(scope="module")
def recorded_dsn(stack: Servers) -> Iterator[str]:
    with recorded(stack, planted()) as dsn:
        yield dsn


async def ask(dsn: str, question: str, *arguments: Any) -> list[dict[str, Any]]:
    async with observer(dsn) as connection:
        return [dict(row) for row in await connection.fetch(question, START, END, *arguments)]


async def test_a_word_of_the_prompt_is_found_with_its_model(recorded_dsn: str) -> None:
    first, *others = await ask(recorded_dsn, SUSPECTS, "failed")
    hit = [job for job in planted() if "4711" in job.prompt and job.end == "failed"]
    assert (first["dimension"], first["value"]) == ("model + word", f"{MODELS['medium']} + 4711")
    assert (first["failed"], first["good"]) == (len(hit), 0)
    assert first["example_job"] in {job.id for job in hit}
    assert 1 < first["lift_low"] <= first["lift"] <= first["lift_high"]
    assert ("word", "4711") in [(row["dimension"], row["value"]) for row in others]
    assert not [row for row in others if row["dimension"] == "agent_id"]
    assert all(row["lift_low"] > 1 for row in others if row["dimension"] != "error_type")


async def test_a_job_counts_once_however_often_it_was_tried(recorded_dsn: str) -> None:
    (error,) = [
        row for row in await ask(recorded_dsn, SUSPECTS, "failed") if row["dimension"] == "error_type"
    ]
    assert error["failed"] == sum(job.end == "failed" for job in planted())


async def test_the_slow_agent_is_found_and_since_when(recorded_dsn: str) -> None:
    first, *others = await ask(recorded_dsn, SUSPECTS, "slow")
    assert (first["dimension"], first["value"]) == ("agent_id", "math-tutor")
    hit = [
        job
        for job in planted()
        if job.agent == "math-tutor" and job.end == "completed" and job.calls[0].ms > 3000
    ]
    assert first["failed"] >= len(hit)
    assert first["last_failed_at"] == hit[-1].at + timedelta(seconds=3, milliseconds=hit[-1].calls[0].ms)
    assert not [row for row in others if "word" in str(row["dimension"])]


@pytest.mark.parametrize("seed", range(10, 16))
async def test_without_suspects_it_says_so(database: str, seed: int) -> None:
    draw = random.Random(seed)
    await record(database, [failing(job) if draw.random() < 0.1 else job for job in noise(seed)])
    for outcome in ("failed", "retried", "slow"):
        suspects = [row for row in await ask(database, SUSPECTS, outcome) if row["dimension"] != "error_type"]
        assert [(row["dimension"], row["value"]) for row in suspects] == [(None, NOTHING)], outcome
        assert suspects[0]["failed"] > 0


async def test_words_can_be_left_out(recorded_dsn: str) -> None:
    rows = await ask(recorded_dsn, "select * from audit.suspects($1, $2, words => false)")
    assert rows
    assert not [row for row in rows if "4711" in row["value"]]


async def test_successful_retries_are_a_separate_query(database: str) -> None:
    again = (BROKEN, Try())
    await record(
        database,
        [
            replace(job, calls=again) if job.agent == "chat-desk" and job.number % 2 else job
            for job in noise(2)
        ],
    )
    (hint,) = await ask(database, SUSPECTS, "failed")
    assert "outcome => 'retried'" in hint["value"]
    first, *_ = await ask(database, SUSPECTS, "retried")
    assert (first["dimension"], first["value"]) == ("agent_id", "chat-desk")


async def test_without_slow_calls_it_says_so(database: str) -> None:
    await record(database, [Job(number) for number in range(20)])
    assert [row["value"] for row in await ask(database, SUSPECTS, "slow")] == [
        "no call was slow: none took longer than is usual there"
    ]
    assert await ask(database, SUSPECTS, "failed") == []


async def test_slow_calls_are_compared_with_the_day_before(database: str) -> None:
    """The whole tier is slow, so only a comparison with the day before shows it."""
    before = [replace(job, number=job.number + 1000, at=job.at - timedelta(hours=5)) for job in noise(3)]
    slow = [replace(job, calls=(Try(ms=9000),)) if job.tiers == ("medium",) else job for job in noise(4)]
    await record(database, [*before, *slow])
    suspects = await ask(database, SUSPECTS, "slow")
    assert ("tier", "medium") in [(row["dimension"], row["value"]) for row in suspects]
    assert suspects[0]["value"] == MODELS["medium"]


async def test_an_unknown_outcome_is_refused_with_the_known_ones(recorded_dsn: str) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="unknown outcome odd") as caught:
        await ask(recorded_dsn, SUSPECTS, "odd")
    assert "slow" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("counts", "p"),
    [  # failed with, good with, failed, good; the exact one-sided p by Fisher
        ((5, 0, 5, 5), 1 / 252),
        ((3, 1, 10, 100), 0.0021150),
        ((15, 15, 15, 105), 3.279e-11),
        ((5, 50, 10, 100), 0.629),
    ],
)
async def test_evidence_is_never_more_than_the_exact_test_s(
    recorded_dsn: str, counts: tuple[int, ...], p: float
) -> None:
    async with observer(recorded_dsn) as connection:
        evidence = await connection.fetchval("select exp(-audit.evidence($1, $2, $3, $4))", *counts)
    assert p * 0.99 <= evidence <= min(1.0, p * 1.6)


MANY = """insert into audit.job (job_id, agent_id, first_at, last_at, first_seen_at, last_seen_at,
  finished_at, outcome, tier, dead_letters, routes, calls, failed_calls, unpriced_calls, messages,
  slowest_ms, slowest_at, slowest_by)
select md5(n::text)::uuid, case when n % 4 = 0 then 'reader' else 'writer' end, at, at, at, at, at,
  case when n % 400 = 0 then 'failed' else 'completed' end, 'small', 0, 1, 1, 0, 0, 4,
  case when n % 400 = 0 then 9000 else 1000 end, at, array['small', 'simulator', 'gpt-4.1-nano']
from generate_series(1, 60000) as n cross join (select $1::timestamptz as at) as time"""


@pytest.mark.parametrize("outcome", ["failed", "slow"])
async def test_very_many_good_jobs_are_sampled(recorded_dsn: str, outcome: str) -> None:
    far = START + timedelta(days=1000)
    connection = await asyncpg.connect(recorded_dsn)
    try:
        async with connection.transaction():
            await connection.execute(MANY, far)
            rows = await connection.fetch(SUSPECTS, far, far + timedelta(hours=1), outcome)
        again = await connection.fetch(SUSPECTS, far, far + timedelta(hours=1), outcome)
        await connection.execute("delete from audit.job where first_at = $1", far)
    finally:
        await connection.close()
    assert rows == again
    (reader,) = [row for row in rows if row["dimension"] == "agent_id"]
    assert (reader["value"], reader["failed"]) == ("reader", 150)
    assert reader["good"] != 14_850, "it is an estimate"
    assert reader["good"] == pytest.approx(14_850, rel=0.05)
    assert float(reader["lift"]) == pytest.approx(4, rel=0.05)
