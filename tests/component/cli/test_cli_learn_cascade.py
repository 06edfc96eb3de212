"""Learning an accept model from recorded jobs that all tiers of a cascade answered."""

from pathlib import Path

import pytest

from pointsman.cascade.accept import accept
from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.router.policy.named_files import NamedFile
from pointsman.router.policy.policy_file import load, parse
from tests.support.router.decided import completed, routed, store
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TEXT = """\
name: ours
tiers: [small, medium, frontier]
default: {tier: cascade, reason: Cheap first.}
cascade:
  tiers: [small, medium, frontier]
  accept: agreement   # until there is more to go by
shadow: {share: 1, tiers: [small, medium, frontier], jobs_per_hour: 100000}
"""
SINCE = ("--since", "2026-01-01", "--cascade")


def sums(count: int) -> list[str]:
    return [f"Please add the numbers {place} and {place + 3} and say the sum." for place in range(count)]


def riddles(count: int) -> list[str]:
    return [f"Riddle {place}: which of the {place + 2} knights lies?" for place in range(count)]


def answer(tier: str, prompt: str) -> str:
    """All tiers can add. For riddles small and medium give different answers, and frontier is right."""
    wrong = {"small": 1, "medium": 2, "frontier": 3}[tier]
    return f"The answer is {len(prompt) if 'add' in prompt else 1_000 * wrong}."


@pytest.fixture
def pointsman(database: str, tmp_path: Path) -> Command:
    (tmp_path / "policy.yaml").write_text(TEXT)
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database), "POINTSMAN_POLICY": "policy.yaml"})


async def test_shadows_lead_to_an_accept_model_and_a_policy_with_it(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = routed(parse(TEXT), TEXT, [*sums(170), *riddles(170)])
    await store(database, [*records, *completed(records, answer)])
    done = await pointsman.run("learn", *SINCE)
    assert done.code == 0, done.err
    assert any(line.startswith("accept model  ours-accept@") for line in done.lines)
    report = (await pointsman.run("learn", *SINCE, "--json")).json
    assert (report["of"], report["labels"], report["why_not"]) == ("accept model", 340, None)
    assert report["expected"]["low"] >= 0.99
    assert report["expected"]["saved"] > 0.2
    assert 0.3 < report["expected"]["tiers"]["medium"] < 0.7

    new = load(tmp_path / report["policy"])
    assert new.cascade is not None and isinstance(new.cascade.model, NamedFile)
    assert (new.cascade.accept, new.cascade.quality) == ("model", "0.99")
    assert "# until there is more to go by" in (tmp_path / report["policy"]).read_text()
    assert (tmp_path / "policy.yaml").read_text() == TEXT, "only a person applies it"

    def tier(prompt: str) -> str:
        assert new.cascade is not None and new.cascade.model is not None
        texts = [answer(tier_name, prompt) for tier_name in ("small", "medium")]
        cheap = [
            CheapAnswer(tier_name, text, len(text) / 4)
            for tier_name, text in zip(("small", "medium"), texts, strict=True)
        ]
        return accept(new.cascade.model.model, AcceptanceEvidence(prompt, cheap[0], cheap[1]), "0.99").tier

    assert tier(sums(171)[-1]) == "medium"
    assert tier(riddles(171)[-1]) == "frontier"


async def test_below_300_it_says_how_many_there_are_and_which_answers_lack(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    records = routed(parse(TEXT), TEXT, sums(20))
    without = [
        record for record in completed(records, answer) if b'"tier":"frontier"' not in (record.value or b"")
    ]
    await store(database, [*records, *without])
    report = (await pointsman.run("learn", *SINCE, "--json")).json
    assert report["policy"] is None
    assert report["why_not"] == (
        "0 jobs have answers of small, medium and frontier that say something, 300 are needed; "
        "of the others 20 lack frontier's answer"
    )
    assert report["model"] is None
    (tmp_path / "policy.yaml").write_text(
        TEXT.partition("default:")[0] + "default: {tier: small, reason: All.}\n"
    )
    none = await pointsman.run("learn", *SINCE)
    assert none.code == 2
    assert "no cascade of three tiers" in none.err
