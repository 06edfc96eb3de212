"""Scored decisions: the cheapest tier that is sure enough wins, and doubt goes to a higher tier."""

from dataclasses import replace
from math import nan

import pytest

from pointsman.router.policy.policy import FALLBACK_REASON, Policy, decide
from pointsman.router.scoring.scoring import Scorer
from pointsman.score.estimate import Bar
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.jobs import Job
from tests.support.router.fixed_score import FixedScore, fixed_score
from tests.support.router.scored_policy import TEXT, scored_policy
from tests.unit.router.policy.test_policy import job

#: First word -> how likely small and medium are sufficient, and the known share. Medium needs 0.95.
SAYS = {
    "easy": (0.98, 0.99, 1.0),
    "middling": (0.60, 0.96, 1.0),
    "hard": (0.10, 0.40, 1.0),
    "foreign": (0.99, 0.99, 0.49),
    "broken": (nan, 0.99, 1.0),
    "broken-above": (0.99, nan, 1.0),
    "no-share": (0.99, 0.99, nan),
}
MODEL = fixed_score(SAYS, bar=Bar(rate=0.1, margin=0.02), floor=0.5)


def policy(text: str = TEXT, model: FixedScore = MODEL) -> Policy:
    return scored_policy(model, text)


POLICY = policy()


def checks(decision: Decision) -> list[Check]:
    return [check for check in decision.checks if check.layer == "score"]


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("easy", "small"),
        ("middling", "medium"),
        ("hard", "frontier"),
        ("foreign", "frontier"),
        ("broken", "frontier"),
        ("broken-above", "frontier"),
        ("no-share", "frontier"),
        ("never heard of", "frontier"),
        ("", "frontier"),
    ],
)
def test_the_cheapest_sufficient_tier_wins_and_doubt_goes_higher(text: str, tier: str) -> None:
    decision = decide(POLICY, job(text))
    assert (decision.tier, decision.rule, decision.reason) == (tier, "default", "The score decides.")


def test_there_is_a_check_for_each_tier_considered() -> None:
    decision = decide(POLICY, job("middling"))
    assert [(check.name, check.passed, check.detail) for check in checks(decision)] == [
        ("small", False, "0.6000 < 0.9400"),
        ("medium", True, "0.9600 > 0.9500"),
    ]
    assert decision.score is not None
    assert (decision.score.model, decision.score.sufficient) == ("fixed@0123456789ab", 0.96)
    assert decision.score.threshold == pytest.approx(0.95)


def test_a_tie_is_shown_as_one() -> None:
    exact = policy(model=fixed_score({"tied": (0.5, 0.5, 1.0)}, bar=Bar(0.0, -0.5)))
    decision = decide(exact, job("tied"))
    assert decision.tier == "frontier"
    assert [check.detail for check in checks(decision)][:2] == ["0.5000 = 0.5000, and a tie goes up"] * 2
    assert decision.score is not None
    assert decision.score.sufficient == 1.0


def test_different_values_never_look_equal() -> None:
    close = policy(model=fixed_score({"close": (0.2, 0.50001, 1.0)}, bar=Bar(0.0, -0.5)))
    assert checks(decide(close, job("close")))[1].detail == "0.50001 > 0.5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foreign", "unfamiliar text: 0.49 < 0.50 of its words known: the fallback decides"),
        ("broken", "the score is not a number: the fallback decides"),
    ],
)
def test_doubt_is_described_and_leaves_no_score(text: str, expected: str) -> None:
    decision = decide(POLICY, job(text))
    (doubt,) = checks(decision)
    assert (doubt.name, doubt.passed, doubt.detail) == ("in-doubt", False, expected)
    assert decision.score is None


def test_doubt_uses_the_fallback_of_the_scored_rule() -> None:
    assert decide(POLICY, job("foreign", kind="mail")).tier == "medium"
    assert decide(POLICY, job("hard", kind="mail")).tier == "frontier"  # no doubt: neither is good enough
    assert decide(POLICY, job("easy", kind="mail")).tier == "small"


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (replace(POLICY.scorer, model=None), "there is no model"),
        (replace(POLICY.scorer, bar=None), "fixed@0123456789ab is not tuned for quality 0.99"),
    ],
)
def test_without_a_model_or_a_bar_the_fallback_decides(scorer: Scorer, expected: str) -> None:
    decision = decide(replace(POLICY, scorer=scorer), job("easy"))
    assert decision.tier == "frontier"
    assert checks(decision)[0].detail == f"{expected}: the fallback decides"


def test_a_rule_that_names_a_tier_does_not_ask_the_score() -> None:
    decision = decide(POLICY, job("easy", kind="code"))
    assert (decision.tier, decision.score, checks(decision)) == ("frontier", None, [])


def test_the_runner_up_is_what_the_fallback_would_be() -> None:
    easy = decide(POLICY, job("easy", kind="mail"))
    assert easy.runner_up is not None
    assert (easy.runner_up.tier, easy.runner_up.rule, easy.runner_up.reason) == (
        "medium",
        "mail",
        FALLBACK_REASON,
    )
    foreign = decide(POLICY, job("foreign", kind="mail"))
    assert foreign.runner_up is not None
    assert (foreign.runner_up.tier, foreign.runner_up.rule) == ("frontier", "default")
    assert decide(POLICY, job("hard")).runner_up is None


@pytest.mark.parametrize(
    ("text", "open_tiers", "tier"),
    [
        ("easy", ("medium", "frontier"), "medium"),
        ("easy", ("frontier",), "frontier"),
        ("hard", ("small", "medium"), "medium"),
        ("foreign", ("small", "medium"), "medium"),
        ("foreign", ("small",), "small"),
    ],
)
def test_only_permitted_tiers_are_chosen(text: str, open_tiers: tuple[str, ...], tier: str) -> None:
    decision = decide(POLICY, job(text), allowed=open_tiers)
    assert decision.tier == tier
    assert decision.open_tiers == open_tiers
    assert {check.name for check in checks(decision)} <= {*open_tiers, "in-doubt"}


def test_an_agent_to_whom_no_tier_of_the_model_is_open_gets_the_nearest_to_the_fallback() -> None:
    four = TEXT.replace("[small, medium, frontier]", "[nano, small, medium, frontier]")
    decision = decide(policy(four), job("easy"), allowed=("nano",))
    assert decision.tier == "nano"
    assert "knows none of the tiers that are open" in checks(decision)[0].detail


def test_a_more_expensive_tier_must_be_worth_it() -> None:
    """At ten times its training price, medium saves too little for its loss in quality."""
    bar = Bar(rate=0.1, margin=0.0)
    asked = job("even")
    model = fixed_score({"even": (0.5, 0.95, 1.0)}, bar=bar)
    assert decide(policy(model=model), asked).tier == "medium"
    dearer = TEXT.replace("quality: 0.99", "quality: 0.99, prices: {medium: 10}")
    assert decide(policy(dearer, model), asked).tier == "frontier"


def test_a_tier_may_have_another_name_in_the_model() -> None:
    named = TEXT.replace("[small, medium, frontier]", "[s, m, frontier]").replace(
        "fallback: medium", "fallback: m"
    )
    decision = decide(policy(named.replace("0.99", "0.99, tiers: {s: small, m: medium}")), job("easy"))
    assert decision.tier == "s"
    assert checks(decision)[0].name == "s"


def test_the_same_job_and_policy_give_the_same_bytes() -> None:
    for text in SAYS:
        asked = job(text)
        again = Job.model_validate_json(asked.model_dump_json())
        assert decide(POLICY, asked).model_dump_json() == decide(policy(), again).model_dump_json()


def test_parts_of_messages_are_scored_as_one_text() -> None:
    parts = [{"type": "text", "text": "easy"}, {"type": "image_url", "image_url": {"url": "hard"}}]
    asked = job(request={"messages": [{"role": "user", "content": parts}]})
    assert decide(POLICY, asked).tier == "small"
