"""Learning a score from recorded jobs gives a policy that a person may apply, or a reason why not."""

from pathlib import Path

import pytest

from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import load, parse
from pointsman_schemas.decisions import Decision
from tests.support.router.decided import completed, job_ids, judged, routed, store
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor
from tests.unit.router.policy.test_policy import job

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TEXT = """\
name: ours
tiers: [small, medium, frontier]
# what nobody has a rule for
default: {tier: frontier, reason: Nothing else holds.}
shadow: {share: 1, tiers: [small, medium], jobs_per_hour: 100000}
"""
WITHOUT = TEXT.partition("shadow:")[0]


def sums(count: int) -> list[str]:
    return [f"Please add the numbers {place} and {place + 3} and say the sum." for place in range(count)]


def riddles(count: int) -> list[str]:
    return [
        f"Riddle {place}: prove which of the {place + 2} knights lies, step by step."
        for place in range(count)
    ]


def answer(tier: str, prompt: str) -> str:
    """The small tier can add but solves no riddle; medium can do neither."""
    good = tier == "frontier" or (tier == "small" and "add" in prompt)
    return f"The answer is {len(prompt) if good else 0}."


@pytest.fixture
def pointsman(database: str, tmp_path: Path) -> Command:
    (tmp_path / "policy.yaml").write_text(TEXT)
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database), "POINTSMAN_POLICY": "policy.yaml"})


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SINCE = ("--since", "2026-01-01", "--tried", "2026-01-01")


async def test_shadows_lead_to_a_policy_that_uses_small_where_it_is_as_good(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = routed(parse(TEXT), TEXT, [*sums(250), *riddles(250)])
    await store(database, [*records, *completed(records, answer)])
    report = (await pointsman.run("learn", *SINCE, "--json")).json
    assert (report["labels"], report["judged"], report["why_not"]) == (500, 0, None)
    assert report["expected"]["low"] >= 0.99
    assert report["expected"]["saved"] > 0.3
    assert report["would_change"]["jobs"] == 500, "shadows are no decisions"
    assert report["would_change"]["tiers_before"] == {"frontier": 500}
    assert report["would_change"]["tiers_after"]["small"] > 150

    new = load(tmp_path / report["policy"])
    assert (new.default.tier, new.default.fallback) == ("scored", "frontier")
    assert "# what nobody has a rule for" in (tmp_path / report["policy"]).read_text()
    assert (tmp_path / "policy.yaml").read_text() == TEXT, "only a person applies it"

    def decided(prompt: str) -> Decision:
        return decide(Policy.compile(new), job(prompt))

    assert decided("Please add the numbers 7 and 900 and say the sum.").tier == "small"
    assert decided("Riddle 7: prove which of 12 knights lies, step by step.").tier == "frontier"
    unheard = decided("Übersetze bitte diesen längeren Absatz ins Französische, höflich und genau.")
    assert (unheard.tier, unheard.checks[-1].name) == ("frontier", "in-doubt")


async def test_below_300_labels_the_policy_stays_as_it_is_and_it_says_so(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = routed(parse(TEXT), TEXT, sums(299))
    await store(database, [*records, *completed(records, answer)])
    done = await pointsman.run("learn", *SINCE)
    assert done.code == 0, done.err
    assert any(
        line.startswith("not written") and "299 jobs say something, 300 are needed: the policy stays" in line
        for line in done.lines
    )
    assert written(tmp_path) == ["policy.yaml"]


async def test_verdicts_are_labels_and_only_those_of_the_judges_that_are_named_count(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    cheap = WITHOUT.replace("tier: frontier", "tier: small")
    records = routed(parse(cheap), cheap, sums(4))
    first, second, third, _ = job_ids(records)
    verdicts = [(first, 0.0, "ana"), (second, 1.0, "ana"), (third, 1.0, "bot"), (first, 1.0, "ana")]
    await store(database, [*records, *completed(records, answer), *judged(verdicts)])
    everybody = (await pointsman.run("learn", *SINCE, "--json")).json
    assert (everybody["labels"], everybody["judged"]) == (3, 3)
    ana = (await pointsman.run("learn", *SINCE, "--by", "ana", "--json")).json
    assert (ana["labels"], ana["judged"]) == (2, 2)


async def test_where_no_cheaper_tier_is_good_enough_nothing_is_written(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = routed(parse(TEXT), TEXT, riddles(320))
    await store(database, [*records, *completed(records, answer)])
    report = (await pointsman.run("learn", *SINCE, "--json")).json
    assert (report["labels"], report["policy"]) == (320, None)
    assert "no cheaper tier keeps 0.99" in report["why_not"]


async def test_an_unsupported_quality_is_refused_at_once(pointsman: Command) -> None:
    done = await pointsman.run("learn", "--quality", "0.5")
    assert done.code == 2
    assert "give one of 0.97" in done.err
