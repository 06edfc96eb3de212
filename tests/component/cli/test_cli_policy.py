"""Recorded decisions are recomputed byte for byte, and simulated with another policy, on a real database."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.router.policy.policy_file import parse
from pointsman.router.scoring.score_section import SCORE
from tests.support.router.decided import called, job_ids, routed, store
from tests.support.router.tiny_model import tiny_model
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor

pytestmark = pytest.mark.stack

TEXT = """\
name: by-rules
tiers: [small, medium, frontier]
default: {tier: frontier, reason: Nothing else holds.}
rules:
  - {name: mails, when: {kind: mail}, tier: small, reason: Mails.}
"""
CHEAPER = TEXT.replace("tier: frontier, reason", "tier: medium, reason")
PROMPTS = ("How much is 1 + 1?", "How much is 2 + 2?", "How much is 3 + 3?")


@pytest.fixture
def pointsman(database: str, tmp_path: Path) -> Command:
    """Commands of a read-only user, with the cheaper policy at hand."""
    (tmp_path / "cheaper.yaml").write_text(CHEAPER)
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})


async def test_a_decision_is_recomputed_from_the_recorded_policy(pointsman: Command, database: str) -> None:
    records = routed(parse(TEXT), TEXT, PROMPTS, before=CHEAPER)
    await store(database, records)
    job = str(job_ids(records)[1])
    done = await pointsman.run("why", job, "--recompute")
    assert done.code == 0, done.err
    assert "the same" in done.lines[-1]
    recomputed = (await pointsman.run("why", job, "--recompute", "--json")).json
    assert recomputed["same"] is True
    assert recomputed["policy_version"] == parse(TEXT).version
    assert recomputed["again"]["rule"] == "default"


async def test_a_scored_decision_is_explained_and_recomputed_from_the_recorded_model(
    pointsman: Command, database: str
) -> None:
    scored = TEXT.replace("tier: frontier, reason", "tier: scored, fallback: frontier, reason")
    scored += "score: {model: models/tiny.json, quality: 0.99}\n"
    file = parse(scored, read_model=lambda _: SCORE.read(tiny_model()))
    records = routed(file, scored, ["please add the numbers 5 and seven", "prove riddle 12 about knights"])
    await store(database, records)
    sums, riddle = map(str, job_ids(records))
    done = await pointsman.run("why", sums)
    assert done.code == 0, done.err
    model = file.score.model.model if file.score else None
    assert model is not None
    assert any(line.startswith(f"what tiny@{model.version} saw") for line in done.lines)
    reasons = {
        job: (await pointsman.run("why", job, "--json")).json["saw"]["reasons"]["small"]
        for job in (sums, riddle)
    }
    job, words, weight = max(
        ((job, reason["words"], reason["weight"]) for job in reasons for reason in reasons[job]),
        key=lambda reason: abs(reason[2]),
    )
    word = "for small" if weight > 0 else "not small"
    (line,) = [line for line in (await pointsman.run("why", job)).lines if line.startswith(word)]
    assert f"{words} {weight:+.2f}" in line
    assert abs(weight) > 0.1
    for job in (sums, riddle):
        again = await pointsman.run("why", job, "--recompute")
        assert again.code == 0, again.out + again.err
        assert f"tiny@{model.version}" in again.out


async def test_without_its_model_on_record_a_scored_decision_says_which_one_is_missing(
    pointsman: Command, database: str
) -> None:
    scored = TEXT.replace("tier: frontier, reason", "tier: scored, fallback: frontier, reason")
    scored += "score: {model: models/tiny.json, quality: 0.99}\n"
    file = parse(scored, read_model=lambda _: SCORE.read(tiny_model()))
    _, *others = routed(file, scored, PROMPTS[:1])
    await store(database, others)
    job = str(job_ids(others)[0])
    done = await pointsman.run("why", job)
    assert done.code == 0, done.err
    (missing,) = [line for line in done.lines if line.startswith("reasons")]
    assert "the model tiny@" in missing
    assert "is not on record" in missing
    assert (await pointsman.run("why", job, "--recompute")).code == 1


async def test_a_changed_recorded_decision_is_detected(pointsman: Command, database: str) -> None:
    *before, last = routed(parse(TEXT), TEXT, PROMPTS[:1])
    forged = json.loads(last.value or b"")
    forged["decision"]["reason"] = "Somebody thought better of it."
    record = replace(last, value=json.dumps(forged).encode())
    await store(database, [*before, record])
    done = await pointsman.run("why", str(job_ids([record])[0]), "--recompute")
    assert done.code == 1
    assert "not the decision on record" in done.out
    assert any(line.startswith("-") and "thought better" in line for line in done.lines)
    assert any(line.startswith("+") and "Nothing else holds." in line for line in done.lines)


async def test_a_policy_file_replaces_one_that_was_not_recorded(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = [record for record in routed(parse(TEXT), TEXT, PROMPTS[:1]) if "policy" not in record.topic]
    await store(database, records)
    job = str(job_ids(records)[0])
    nowhere = await pointsman.run("why", job, "--recompute", "--policy", "cheaper.yaml")
    assert nowhere.code == 1
    assert parse(TEXT).version in nowhere.err
    assert "--policy FILE" in nowhere.err
    (tmp_path / "that.yaml").write_text(TEXT)
    at_hand = await pointsman.run("why", job, "--recompute", "--policy", "that.yaml")
    assert at_hand.code == 0, at_hand.err


async def test_a_policy_file_with_another_version_is_not_used(pointsman: Command, database: str) -> None:
    policy, *jobs = routed(parse(TEXT), TEXT, PROMPTS[:1])
    forged = {**json.loads(policy.value or b""), "text": CHEAPER}
    await store(database, [replace(policy, value=json.dumps(forged).encode()), *jobs])
    done = await pointsman.run("why", str(job_ids(jobs)[0]), "--recompute")
    assert done.code == 1
    assert "has the version" in done.err


async def test_a_simulation_says_what_would_move_and_what_it_would_cost(
    pointsman: Command, database: str
) -> None:
    to_frontier = routed(parse(TEXT), TEXT, PROMPTS)
    calls = called(to_frontier, 1_000, 1_000, "0.01")
    await store(database, [*to_frontier, *calls])
    span = ("--since", "2026-01-01", "--policy", "cheaper.yaml")
    done = await pointsman.run("policy", "simulate", *span)
    assert done.code == 0, done.err
    assert "3 jobs, 100.0 %" in done.out
    assert "frontier -> medium  3 jobs" in done.out
    assert str(job_ids(to_frontier)[0]) in done.out
    simulated = (await pointsman.run("policy", "simulate", *span, "--json")).json
    assert (simulated["jobs"], simulated["tiers_before"], simulated["tiers_after"]) == (
        3,
        {"frontier": 3},
        {"medium": 3},
    )
    assert (simulated["cost"]["jobs"], float(simulated["cost"]["before_usd"])) == (3, 0.03)
    # gpt-4.1-mini, the dev stack's medium: 0.40 and 1.60 dollars for a million tokens
    assert float(simulated["cost"]["after_usd"]) == pytest.approx(3 * 1_000 * (0.40 + 1.60) / 1e6)
    assert simulated["quality"]["sufficient_after"] is None


async def test_a_simulation_of_the_same_policy_changes_nothing(pointsman: Command, database: str) -> None:
    await store(database, routed(parse(CHEAPER), CHEAPER, PROMPTS))
    simulated = (
        await pointsman.run(
            "policy", "simulate", "--since", "2026-01-01", "--policy", "cheaper.yaml", "--json"
        )
    ).json
    assert (simulated["jobs"], simulated["moved"], simulated["tiers_before"]) == (3, [], {"medium": 3})


async def test_jobs_before_the_time_span_are_left_out(pointsman: Command, database: str) -> None:
    await store(database, routed(parse(TEXT), TEXT, PROMPTS))
    simulated = (await pointsman.run("policy", "simulate", "--since", "1h", "--json")).json
    assert (simulated["jobs"], simulated["moved"]) == (0, [])


async def test_a_check_says_the_version_and_every_problem(pointsman: Command, tmp_path: Path) -> None:
    good = await pointsman.run("policy", "check", "cheaper.yaml")
    assert good.code == 0, good.err
    assert parse(CHEAPER).version in good.out
    assert any(line.split() == ["mails", "small", "kind", "mail"] for line in good.lines)
    flat = (await pointsman.run("policy", "check", "cheaper.yaml", "--json")).json
    assert (flat["version"], flat["rules"][0]["tier"]) == (parse(CHEAPER).version, "small")
    (tmp_path / "bad.yaml").write_text(CHEAPER.replace("tier: small", "tier: smal"))
    bad = await pointsman.run("policy", "check", "bad.yaml")
    assert bad.code == 1
    assert "bad.yaml:5:45: rules[0].tier: there is no tier `smal`, did you mean `small`?" in bad.err
