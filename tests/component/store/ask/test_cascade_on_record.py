"""A recorded cascade: each step with its comparison, costs counted once, and the decision recomputed."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.bus.codec.records import Incoming
from pointsman.router.policy.policy_file import parse
from pointsman.store.ask.labelled import labelled
from tests.support.router.decided import job_ids, judged, routed, store
from tests.support.router.router_lanes import NOW, TOPICS
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, observer
from tests.support.worker.cascades import TIERS, as_read, response
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import Worker, provider_of

pytestmark = pytest.mark.stack

TEXT = """\
name: by-agreement
tiers: [small, medium, frontier]
default: {tier: cascade, reason: Two that agree are rarely wrong.}
cascade: {tiers: [small, medium, frontier], accept: agreement}
"""
MODELS = {"small": "gpt-4.1-nano", "medium": "gpt-4.1-mini", "frontier": "gpt-4.1"}
#: The answer of each tier.
SAY = {"Easy?": ("4", "4", "4"), "Hard?": ("5", "6", "7")}
EASY, HARD = SAY
EVER = datetime(2026, 1, 1, tzinfo=UTC)


def says(asked: Asked) -> bytes:
    tier = next(tier for tier in TIERS if MODELS[tier] == asked.json["model"])
    text = SAY[asked.json["messages"][-1]["content"]][TIERS.index(tier)]
    return http(body={**response(text), "model": f"{MODELS[tier]}-2025-04-14"})


async def done(prompts: Sequence[str]) -> list[Incoming]:
    """All records of jobs with these prompts, from router and workers."""
    records = routed(parse(TEXT), TEXT, prompts)
    waiting = [record for record in records if ".jobs.tier." in record.topic]
    offsets, seconds = itertools.count(1_000), itertools.count(1)

    def clock() -> datetime:
        return NOW + timedelta(seconds=next(seconds))

    async with tiny_provider(says) as tiny, provider_of(tiny) as provider:
        workers = {
            tier: Worker(provider, tier, topics=TOPICS, clock=clock, model=model)
            for tier, model in MODELS.items()
        }
        while waiting:
            record = waiting.pop()
            for sent in await workers[record.topic.rpartition(".")[2]].handler(record):
                read = as_read(sent, next(offsets), clock())
                records.append(read)
                waiting += [read] if ".jobs.tier." in read.topic else []
    return records


async def ask(dsn: str, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with observer(dsn) as connection:
        return [tuple(row) for row in await connection.fetch(question, *arguments)]


@pytest.fixture
async def jobs(database: str) -> dict[str, str]:
    """The ids, by prompt, of jobs that are completely stored."""
    records = await done([EASY, HARD])
    ids = job_ids(record for record in records if record.topic == TOPICS.tier("small").name)
    await store(database, [*records, *judged([(ids[1], 1.0, "ana")])])
    return dict(zip((EASY, HARD), map(str, ids), strict=True))


@pytest.fixture
def pointsman(database: str, tmp_path: Path) -> Command:
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})


async def test_every_judged_answer_is_a_row_with_its_comparison(database: str, jobs: dict[str, str]) -> None:
    rows = await ask(
        database,
        "select job_id::text, tier, accepted, reason, detail, attempts from audit.cascade_steps"
        " order by accepted, tier desc, detail",
    )
    assert rows == [
        (jobs[EASY], "small", False, "compared_later", "`4`, kept to be compared with medium's", 1),
        (jobs[HARD], "small", False, "compared_later", "`5`, kept to be compared with medium's", 1),
        (jobs[HARD], "medium", False, "differed", "small says `5`, medium says `6`", 1),
        (jobs[EASY], "medium", True, "agreed", "small and medium say `4`", 1),
    ]


async def test_an_escalation_does_not_count_as_misrouting(database: str, jobs: dict[str, str]) -> None:
    ways = await ask(
        database, "select job_id::text, first_tier, last_tier from audit.escalations order by last_tier"
    )
    assert ways == [(jobs[HARD], "small", "frontier"), (jobs[EASY], "small", "medium")]
    assert (
        await ask(database, "select verdict from audit.misroutes($1) where verdict = 'too low'", EVER) == []
    )


async def test_the_cost_of_all_tiers_is_counted_once_wherever_it_is_asked(
    database: str, jobs: dict[str, str]
) -> None:
    price = {"small": Decimal("0.0003"), "medium": Decimal("0.0012"), "frontier": Decimal("0.006")}
    easy, hard = price["small"] + price["medium"], sum(price.values(), Decimal(0))
    by_job = "select job_id::text, cost_usd, calls, tier from audit.jobs order by calls"
    assert await ask(database, by_job) == [
        (jobs[EASY], easy, 2, "medium"), (jobs[HARD], hard, 3, "frontier")
    ]  # fmt: skip
    outcomes = "select (payload ->> 'cost_usd')::numeric from audit.message where kind = 'job.completed.v1'"
    assert sorted(cost for (cost,) in await ask(database, outcomes)) == [easy, hard]
    days = await ask(
        database,
        "select tier, jobs, calls, cost_usd, always_dearest_usd from audit.cost_daily($1) order by tier",
        EVER,
    )
    assert days == [
        ("frontier", 1, 1, price["frontier"], price["frontier"]),
        ("medium", 2, 2, 2 * price["medium"], price["frontier"]),  # one answer accepted, one not
        ("small", 2, 2, 2 * price["small"], 0),
    ]


async def test_why_shows_all_checks_and_recomputes_the_routers_decision(
    pointsman: Command, jobs: dict[str, str]
) -> None:
    output = (await pointsman.run("why", jobs[HARD])).out
    for line in ("small, then medium, then frontier", "`5`, kept to be", "small says `5`, medium says `6`"):
        assert line in output
    assert "small and medium say `4`" in (await pointsman.run("why", jobs[EASY])).out
    for job in jobs.values():
        again = await pointsman.run("why", job, "--recompute")
        assert again.code == 0, again.out + again.err
        assert "the same" in again.lines[-1]


async def test_trace_shows_each_step_and_each_call(pointsman: Command, jobs: dict[str, str]) -> None:
    output = (await pointsman.run("trace", jobs[HARD])).out
    assert "to medium by rule cascade" in output
    assert "to frontier by rule cascade" in output
    assert output.count("1 ok in") == 3
    assert "small and medium say `4`" in (await pointsman.run("trace", jobs[EASY])).out


async def test_another_policy_is_compared_with_the_routers_decision(
    pointsman: Command, jobs: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(
        "name: a\ntiers: [small, medium, frontier]\ndefault: {tier: frontier, reason: Always.}\n"
    )
    simulated: dict[str, Any] = (
        await pointsman.run("policy", "simulate", "--since", "3000d", "--policy", "policy.yaml", "--json")
    ).json
    assert (simulated["jobs"], simulated["tiers_before"]) == (2, {"cascade": 2})
    assert simulated["tiers_after"] == {"frontier": 2}
    assert simulated["cost"]["unpriced_jobs"] == 2  # tokens of three answers do not give the price of one


async def test_a_simulated_cascade_with_other_judgements_has_no_cost(
    pointsman: Command, jobs: dict[str, str], tmp_path: Path
) -> None:
    priced = {}
    for accept in ("agreement", "answer"):
        (tmp_path / f"{accept}.yaml").write_text(TEXT.replace("accept: agreement", f"accept: {accept}"))
        priced[accept] = (
            await pointsman.run(
                "policy", "simulate", "--since", "3000d", "--policy", f"{accept}.yaml", "--json"
            )
        ).json["cost"]
    assert (priced["agreement"]["jobs"], priced["agreement"]["saved"]) == (2, 0)
    assert (priced["answer"]["jobs"], priced["answer"]["unpriced_jobs"]) == (0, 2)


async def test_stages_and_calls_say_which_tier_and_that_its_answer_was_judged(
    pointsman: Command, database: str, jobs: dict[str, str]
) -> None:
    rows = await ask(
        database,
        "select stage, tier from audit.stages where job_id = $1::uuid and stage !~ '^until'"
        " order by began_at, stage desc",
        jobs[EASY],
    )
    assert rows == [
        ("waiting for a worker", "small"),
        ("calling the model", "small"),
        ("judging the answer", "medium"),
        ("waiting for a worker", "medium"),
        ("calling the model", "medium"),
        ("writing the outcome", "medium"),
    ]
    page = (await pointsman.run("report", jobs[HARD], "--format", "md", "--no-payloads")).lines
    calls = [line for line in page if " | tiny | " in line]
    assert [line.split(" | ")[0] for line in calls] == ["| small", "| medium", "| frontier"]


async def test_a_label_belongs_to_the_tier_whose_answer_was_used(database: str, jobs: dict[str, str]) -> None:
    async with labelled(as_auditor(database), EVER) as rows:
        (row,) = [row async for row in rows]
    assert (str(row.job_id), row.tier, row.cost_usd) == (jobs[HARD], "frontier", Decimal("0.006"))
