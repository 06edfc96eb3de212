"""A job whose tier is not sure enough waits for a person."""

import json
from decimal import Decimal
from math import nan, nextafter
from typing import Any

import pytest
from prometheus_client import REGISTRY as METRICS

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.score.estimate import Bar
from pointsman_schemas.base import Message
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.reviews import ReviewRequested
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW, TOPICS, incoming
from tests.support.router.scored_policy import TEXT, scored_policy
from tests.support.text.parsed import parse_agents

REVIEW = """\
review:
  queues:
    - {name: general, deadline_s: 3600}
    - {name: routes, deadline_s: 600, then: general}
  thresholds:
    - {name: sure-route, of: routing, source: score, above: 0.95, queue: routes}
"""
SHADOW = "shadow: {share: 1.0, tiers: [small, frontier], jobs_per_hour: 1000}\n"
BAR = Bar(rate=0.0, margin=-0.1)  # a tier must exceed 0.9
SAYS = {
    "below": (0.5, 0.94, 1.0),
    "equal": (0.5, 0.95, 1.0),
    "hair-below": (0.5, nextafter(0.95, 0), 1.0),
    "hair-above": (0.5, nextafter(0.95, 1), 1.0),
    "above": (0.5, 0.96, 1.0),
    "nan": (nan, nan, 1.0),
    "foreign": (0.99, 1.0, 0.0),
}
AGENTS = """\
unregistered: admit
agents:
  - {id: careful, owner: x, confidence: [{of: routing, source: score, above: 0.99, queue: general}]}
"""
POLICY = scored_policy(fixed_score(SAYS, bar=BAR), TEXT + REVIEW)


def message(made: Made) -> Message:
    read = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
    assert isinstance(read, Decoded), read
    return read.message


def sent(prompt: str, text: str = TEXT + REVIEW, **fields: Any) -> list[Made]:
    """The router's result for a job."""
    policy = scored_policy(fixed_score(SAYS, bar=BAR), text)
    in_force = RegistryInForce(parse_agents(AGENTS, policy.tiers).registry)
    value = json.dumps({"agent_id": "anybody", "prompt": f"{prompt} x", **fields}).encode()
    return RouterHandler(policy, in_force, TOPICS, lambda: NOW).handle_records([incoming(value)])


def counted() -> float:
    labels = {"of": "routing", "source": "score"}
    return METRICS.get_sample_value("pointsman_reviews_requested_total", labels) or 0


@pytest.mark.parametrize(
    ("prompt", "value", "detail"),
    [
        ("below", "0.94", "0.94 < 0.95"),
        ("equal", "0.95", "0.95 = 0.95, must exceed it"),
        ("hair-below", "0.9499999999999998", "0.9499999999999998 < 0.95"),
        ("nan", None, "the learned score did not choose the tier"),
        ("foreign", None, "the learned score did not choose the tier"),
    ],
)
def test_low_confidence_in_the_tier_goes_to_a_person(prompt: str, value: str | None, detail: str) -> None:
    before = counted()
    (made,) = sent(prompt)
    case = message(made)
    assert isinstance(case, ReviewRequested)
    assert made.topic == TOPICS.review.name
    assert made.key == str(case.job.job_id).encode()
    assert dict(made.headers)["ce_jobid"] == str(case.job.job_id).encode()
    assert (case.stop.rule, case.stop.of, case.stop.source) == ("sure-route", "routing", "score")
    assert (case.stop.value, case.stop.threshold, case.stop.detail) == (value, Decimal("0.95"), detail)
    assert (case.queue, [queue.name for queue in case.decision.review.queues]) == (
        "routes",
        ["general", "routes"],
    )
    assert (case.proposed, case.attempts, case.cost_usd, case.steps) == (None, 0, 0, ())
    last = case.decision.checks[-1]
    assert (last.layer, last.name, last.passed) == ("confidence", "sure-route", False)
    assert last.detail == f"score: {detail}"
    assert counted() == before + 1


@pytest.mark.parametrize("prompt", ["above", "hair-above"])
def test_a_sure_route_is_taken_with_the_comparison_on_the_trace(prompt: str) -> None:
    before = counted()
    (made,) = sent(prompt)
    routed = message(made)
    assert isinstance(routed, JobRouted)
    assert made.topic == TOPICS.tier("medium").name
    assert routed.decision.checks[-1].passed
    assert routed.decision.checks[-1].detail.endswith(" > 0.95")
    assert counted() == before


def test_a_job_of_which_the_score_is_not_asked_has_no_confidence() -> None:
    (made,) = sent("above", kind="code")
    case = message(made)
    assert isinstance(case, ReviewRequested)
    assert case.stop.value is None


def test_the_agents_own_threshold_stops_it_too() -> None:
    (made,) = sent("above", agent_id="careful")
    case = message(made)
    assert isinstance(case, ReviewRequested)
    assert (case.stop.rule, case.stop.detail, case.queue) == ("agent", "0.96 < 0.99", "general")


def test_a_threshold_for_other_kinds_stops_nothing() -> None:
    text = TEXT + REVIEW.replace("queue: routes}", "queue: routes, kinds: [contract]}")
    (free,) = sent("below", text, kind="poem")
    (held,) = sent("below", text, kind="contract")
    assert (free.topic, held.topic) == (TOPICS.tier("medium").name, TOPICS.review.name)


def test_a_job_that_waits_for_a_person_has_no_shadow() -> None:
    topics = [made.topic for made in sent("below", TEXT + REVIEW + SHADOW)]
    assert topics == [TOPICS.review.name]
    assert len(sent("above", TEXT + REVIEW + SHADOW)) == 3


def test_the_same_record_gives_the_same_case() -> None:
    (one,), (other,) = sent("below"), sent("below")
    assert (one.value, one.headers, one.key) == (other.value, other.headers, other.key)


def test_the_decision_in_a_case_is_recomputed_byte_for_byte() -> None:
    (made,) = sent("below", agent_id="careful")
    case = message(made)
    assert isinstance(case, ReviewRequested)
    again = decide_again(POLICY, case.job, case.decision)
    assert canonical(again) == canonical(case.decision)
