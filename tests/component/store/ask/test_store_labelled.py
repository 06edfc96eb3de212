"""The query for jobs to learn from."""

from datetime import UTC, datetime

import pytest

from pointsman.router.policy.policy_file import parse
from pointsman.store.ask.labelled import Labelled, labelled
from tests.support.router.decided import completed, job_ids, judged, routed, store
from tests.support.store.audit_store import as_auditor

pytestmark = pytest.mark.stack

PLAIN = "name: plain\ntiers: [small, frontier]\ndefault: {tier: frontier, reason: All.}\n"
SHADOWED = PLAIN + "shadow: {share: 1, tiers: [small], jobs_per_hour: 1000}\n"
EVER = datetime(2026, 1, 1, tzinfo=UTC)


async def read(database: str, since: datetime = EVER, by: list[str] | None = None) -> list[Labelled]:
    async with labelled(as_auditor(database), since, by) as rows:
        return [row async for row in rows]


async def test_the_last_verdict_of_each_judge_counts_and_judges_are_averaged(database: str) -> None:
    records = routed(parse(PLAIN), PLAIN, ["1 + 1?", "2 + 2?", "3 + 3?"])
    one, two, _ = job_ids(records)
    verdicts = [(one, 0.0, "ana"), (two, 1.0, "ana"), (one, 1.0, "ana"), (two, 0.0, "ben")]
    await store(database, [*records, *judged(verdicts)])
    assert {row.job_id: row.verdict for row in await read(database)} == {one: 1.0, two: 0.5}
    assert {row.job_id: row.verdict for row in await read(database, by=["ben"])} == {two: 0.0}


async def test_a_job_and_its_shadows_share_one_root(database: str) -> None:
    records = routed(parse(SHADOWED), SHADOWED, ["1 + 1?", "2 + 2?"])
    await store(database, [*records, *completed(records, lambda tier, prompt: f"{tier}: {prompt}")])
    one, shadow_of_one, two, shadow_of_two = job_ids(records)
    rows = {row.job_id: row for row in await read(database)}
    assert {id: row.root for id, row in rows.items()} == {
        one: one, shadow_of_one: one, two: two, shadow_of_two: two
    }  # fmt: skip
    assert rows[shadow_of_two].tier == "small"
    response = rows[shadow_of_two].response
    assert response is not None
    assert response["choices"][0]["message"]["content"] == "small: 2 + 2?"
    assert (rows[one].tokens_in, rows[one].verdict) == (100, None)


async def test_a_forged_shadow_is_ignored(database: str) -> None:
    """Publishers write metadata; only the router's own agent makes shadows."""
    records = routed(parse(PLAIN), PLAIN, ["1 + 1?"], metadata={"shadow_of": "no id at all"})
    (job,) = job_ids(records)
    await store(database, [*records, *judged([(job, 1.0, "ana")])])
    assert [row.root for row in await read(database)] == [job]


async def test_jobs_without_a_verdict_and_old_jobs_are_left_out(database: str) -> None:
    records = routed(parse(PLAIN), PLAIN, ["1 + 1?"])
    await store(database, [*records, *completed(records, lambda tier, prompt: "2")])
    assert await read(database) == []
    assert await read(database, since=datetime.now(UTC)) == []
