"""A replay with another policy counts moved jobs, with examples, cost and expected quality."""

from datetime import timedelta
from decimal import Decimal

import pytest

from pointsman.cli.show.decisions.replay import flat
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import parse
from pointsman.router.policy.replay import JobCost, PolicyReplay
from pointsman.score.estimate import Bar
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW
from tests.support.router.scored_policy import TEXT, scored_policy
from tests.unit.router.policy.test_policy import job

SAYS = {"easy": (0.98, 0.99, 1.0), "hard": (0.1, 0.4, 1.0), "foreign": (0.9, 0.9, 0.1)}
SCORED = scored_policy(fixed_score(SAYS, bar=Bar(rate=0.1, margin=0.02)))
ALWAYS = Policy.compile(
    parse("name: a\ntiers: [small, medium, frontier]\ndefault: {tier: frontier, reason: Always.}\n")
)
Case = tuple[Job, Decision, JobCost | None]
CENTS = {"small": 1, "medium": 10, "frontier": 100}


def price(tier: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    return None if tier == "medium" else Decimal(CENTS[tier] * (tokens_in + tokens_out)) / 100


def replayed(*cases: Case, policy: Policy = SCORED) -> PolicyReplay:
    replay = PolicyReplay(policy, price, examples=2)
    for asked, made, spent in cases:
        replay.add(asked, made, spent)
    return replay


def case(
    text: str, spent: JobCost | None = None, policy: Policy = ALWAYS
) -> tuple[Job, Decision, JobCost | None]:
    return job(text), decide(policy, job(text)), spent


def test_tiers_before_and_after_and_who_moved() -> None:
    report = replayed(case("easy one"), case("easy two"), case("easy three"), case("hard"))
    assert (report.jobs, dict(report.tiers_before)) == (4, {"frontier": 4})
    assert dict(report.tiers_after) == {"small": 3, "frontier": 1}
    assert dict(report.moves) == {("frontier", "small"): 3}
    examples = report.moved["frontier", "small"]
    assert [(example.before, example.after, example.gist) for example in examples] == [
        ("default", "default", "easy one"),
        ("default", "default", "easy two"),
    ]


def test_who_stays_costs_what_it_cost_and_who_moves_the_new_tiers_price() -> None:
    report = replayed(
        case("hard", JobCost(10, 10, Decimal("7.5"))),
        case("easy", JobCost(60, 40, Decimal(100))),
    )
    assert (report.priced, report.cost_before, report.cost_after) == (2, Decimal("107.5"), Decimal("8.5"))


@pytest.mark.parametrize(
    ("spent", "unpriced"), [(None, 0), (JobCost(1, 1, None), 1)], ids=["no call", "price of then unknown"]
)
def test_what_has_no_price_on_both_sides_is_left_out_of_both(spent: JobCost | None, unpriced: int) -> None:
    report = replayed(case("easy", spent))
    assert (report.priced, report.unpriced, report.cost_before, report.cost_after) == (0, unpriced, 0, 0)


def test_a_tier_without_a_price_is_left_out_of_both_sides() -> None:
    to_medium = scored_policy(fixed_score({"x": (0.1, 0.99, 1.0)}, bar=Bar(rate=0.1, margin=0.02)))
    report = replayed(case("x", JobCost(1, 1, Decimal(1))), policy=to_medium)
    assert dict(report.tiers_after) == {"medium": 1}
    assert (report.priced, report.unpriced, report.cost_before) == (0, 1, 0)


def test_quality_is_told_of_the_texts_that_the_score_knows() -> None:
    report = replayed(case("easy"), case("hard"), case("foreign"))
    assert (report.scored, report.in_doubt) == (2, 1)
    assert report.sufficient_before == 2.0
    assert report.sufficient_after == pytest.approx(1.98)


def test_without_a_score_there_is_no_quality() -> None:
    report = replayed(case("easy", policy=SCORED), policy=ALWAYS)
    assert (report.scored, report.in_doubt) == (0, 0)
    assert dict(report.moves) == {("small", "frontier"): 1}


def test_a_policy_without_any_tier_that_was_open_leaves_the_job_out() -> None:
    other = Policy.compile(parse("name: o\ntiers: [other]\ndefault: {tier: other, reason: Other.}\n"))
    asked = job("easy")
    report = replayed((asked, decide(ALWAYS, asked, allowed=("small",)), None), policy=other)
    assert (report.jobs, report.undecidable) == (0, 1)


def test_shadows_do_not_count_as_decisions() -> None:
    asked, made, spent = case("easy", JobCost(1, 1, Decimal(1)))
    report = replayed((asked, made.model_copy(update={"rule": "shadow"}), spent))
    assert (report.jobs, report.priced, report.scored) == (0, 0, 0)


def test_what_a_cascade_would_cost_is_not_known() -> None:
    cascade = "cascade: {tiers: [small, medium, frontier], accept: agreement}\n"
    text = "name: c\ntiers: [small, medium, frontier]\ndefault: {tier: cascade, reason: Try.}\n" + cascade
    spent = JobCost(10, 10, Decimal(20))
    report = replayed(case("hard", spent), policy=Policy.compile(parse(text)))
    assert (dict(report.tiers_after), report.priced, report.unpriced) == ({"cascade": 1}, 0, 1)
    back = replayed(case("hard", spent, Policy.compile(parse(text))), policy=ALWAYS)
    assert (dict(back.tiers_before), back.priced, back.unpriced) == ({"cascade": 1}, 0, 1)


REVIEW = """\
review:
  queues: [{name: general, deadline_s: 60}]
  thresholds:
    - {name: sure-route, of: routing, source: score, above: 0.98, queue: general}
    - {name: clauses, of: answer, source: stated, above: 0.95, kinds: mail, queue: general}
"""


def test_who_would_wait_for_a_person_about_the_tier() -> None:
    asking = scored_policy(fixed_score(SAYS, bar=Bar(rate=0.1, margin=0.02)), TEXT + REVIEW)
    mail = job("hard", kind="mail")
    report = replayed(
        case("easy"), case("hard"), case("foreign"), (mail, decide(ALWAYS, mail), None), policy=asking
    )
    assert (report.stopped, report.held) == (2, 1)  # `easy` has 0.98, which is not exceeded, `foreign` none
    assert flat(report, NOW - timedelta(days=2), NOW)["review"] == {
        "routing": 2,
        "routing_per_day": 1.0,
        "answers_with_thresholds": 1,
    }
    assert (replayed(case("easy")).stopped, replayed(case("easy")).held) == (0, 0)
