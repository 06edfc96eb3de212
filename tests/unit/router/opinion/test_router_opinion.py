"""Second opinions: which jobs get one, its effect, and what happens to a job without one."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from math import nan
from typing import Any

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.opinion.card import Card
from pointsman.opinion.weights import OpinionMissingError
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.handlers import RouterHandler
from pointsman.router.opinion.opinion_app import giver
from pointsman.router.opinion.opinion_availability import OpinionAvailability
from pointsman.router.opinion.opinion_handler import OpinionHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.router.scoring.opinion_section import OpinionFile
from pointsman.router.scoring.score_section import ModelFile
from pointsman.runtime.yaml_file import FileError
from pointsman.score.estimate import Bar, Estimate
from pointsman_schemas.base import Message
from pointsman_schemas.control.promises import PromiseBroken
from pointsman_schemas.jobs import JobRouted, JobUndecided
from pointsman_schemas.outcomes import JobRejected
from pointsman_schemas.reviews import ReviewRequested
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.support.text.parsed import parse_agents

TEXT = """\
name: asks
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
score:
  model: fixed
  quality: 0.99
  opinion: {model: second, band: 0.05, wait_s: 60}
"""
#: A tier must exceed 0.9. Of `hangs` medium lacks 0.02, of `leans` it has 0.02 more; `clear` is clear;
#: `foreign` is not known.
SAYS = {
    "hangs": (0.5, 0.88, 1.0),
    "leans": (0.5, 0.92, 1.0),
    "clear": (0.2, 0.99, 1.0),
    "foreign": (0.5, 0.88, 0.1),
}
BAR = Bar(rate=0.0, margin=-0.1)
FOR_IT = Estimate((0.5, 0.98, 1.0), (0.0, 0.0, 0.0), (0.1, 0.3, 1.0), 1.0)
AGAINST_IT = Estimate((0.5, 0.7, 1.0), (0.0, 0.0, 0.0), (0.1, 0.3, 1.0), 1.0)
NO_NUMBER = Estimate((nan, 0.99, 1.0), (0.0, 0.0, 0.0), (0.1, 0.3, 1.0), 1.0)
LATER = NOW + timedelta(seconds=5)


def read_opinion(beside: str = "0123456789ab", quality: str = "0.99") -> Callable[[str], OpinionFile]:
    card = Card("second", "f" * 12, ("small", "medium", "frontier"), {quality: BAR}, beside)
    return lambda name: OpinionFile(b"opinion", "f" * 64, card)


def read(text: str = TEXT, **card: str) -> PolicyFile:
    model = ModelFile.holding(b"score", fixed_score(SAYS, bar=BAR))
    return parse(text, read_model=lambda _: model, read_opinion=read_opinion(**card))


POLICY = Policy.compile(read())


def sent(prompt: str, text: str = TEXT, **fields: Any) -> Made:
    """The router's result for a job."""
    value = json.dumps({"agent_id": "math-tutor", "prompt": prompt, **fields}).encode()
    (made,) = RouterHandler(Policy.compile(read(text)), REGISTRY, TOPICS, lambda: NOW).handle_records(
        [incoming(value)]
    )
    return made


def as_read(made: Made, waited_s: float = 5) -> Incoming:
    stamp = int((LATER - timedelta(seconds=waited_s)).timestamp() * 1000)
    return Incoming(made.topic, 0, 3, stamp, made.key, made.value, tuple(made.headers))


def message(made: Made) -> Message:
    decoded = decode(as_read(made))
    assert isinstance(decoded, Decoded), decoded
    return decoded.message


def says(estimate: Estimate) -> Callable[[str], Awaitable[Estimate]]:
    async def give(text: str) -> Estimate:
        return estimate

    return give


async def fails(text: str) -> Estimate:
    raise RuntimeError("no")


async def decided(made: Made, give: Callable[[str], Awaitable[Estimate]], waited_s: float = 5) -> JobRouted:
    """The opinion service's result for an undecided job."""
    (out,) = await OpinionHandler(POLICY, TOPICS, give, lambda: LATER)(as_read(made, waited_s))
    routed = message(out)
    assert isinstance(routed, JobRouted)
    assert out.topic == TOPICS.tier(routed.decision.tier).name
    return routed


def test_an_undecided_job_goes_where_a_second_opinion_is_given() -> None:
    made = sent("hangs")
    asked = message(made)
    assert made.topic == TOPICS.opinion.name
    assert isinstance(asked, JobUndecided)
    assert asked.decision.tier == "frontier"  # what the score alone says; nobody acts on it
    assert asked.decision.checks[-1].detail == "medium hung by 0.0200 <= 0.0500: a second opinion decides"


@pytest.mark.parametrize(
    ("prompt", "tier", "fields"),
    [("clear", "medium", {}), ("foreign", "frontier", {}), ("hangs", "frontier", {"order_key": "o"})],
)
def test_a_job_that_is_decided_unknown_or_kept_in_order_is_routed_at_once(
    prompt: str, tier: str, fields: dict[str, str]
) -> None:
    made = message(sent(prompt, **fields))
    assert isinstance(made, JobRouted)
    assert made.decision.tier == tier


def test_without_an_opinion_in_the_policy_nothing_changes() -> None:
    plain = TEXT.partition("  opinion:")[0]
    made = message(sent("hangs", plain))
    assert isinstance(made, JobRouted)
    assert [check.name for check in made.decision.checks if check.layer == "score"][-1] != "undecided"


async def test_score_and_opinion_decide_together_and_the_opinion_is_recorded() -> None:
    routed = await decided(sent("hangs"), says(FOR_IT))
    made = routed.decision
    assert (made.tier, made.rule) == ("medium", "default")
    assert made.opinion is not None and made.opinion.sufficient == (0.5, 0.98, 1.0)
    assert made.score is not None
    assert made.score.model == "fixed@0123456789ab with second@ffffffffffff"
    assert made.score.sufficient == pytest.approx(0.93)  # the mean of both
    details = [check.detail for check in made.checks if check.layer == "score"]
    assert details[-1] == "with the opinion 0.9300 > 0.9000"
    assert any(check.layer == "admission" for check in made.checks)
    assert (await decided(sent("hangs"), says(AGAINST_IT))).decision.tier == "frontier"


@pytest.mark.parametrize(
    ("give", "waited_s", "why"),
    [
        (fails, 5, "it failed (RuntimeError): the fallback decides"),
        (says(NO_NUMBER), 5, "it is no number: the fallback decides"),
        (says(FOR_IT), 61, "waited 61.0 s > 60 s: the fallback decides"),
    ],
)
async def test_without_an_opinion_the_fallback_decides(give: Any, waited_s: float, why: str) -> None:
    undecided = sent("leans")
    asked = message(undecided)
    assert isinstance(asked, JobUndecided) and asked.decision.tier == "medium"
    made = (await decided(undecided, give, waited_s)).decision
    assert (made.tier, made.opinion, made.checks[-1].detail) == ("frontier", None, why)


def test_without_an_opinion_service_no_opinion_is_requested() -> None:
    opinions = OpinionAvailability.of(POLICY)

    def routed(prompt: str) -> Message:
        handler = RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW, opinions=opinions)
        body = json.dumps({"agent_id": "math-tutor", "prompt": prompt}).encode()
        (made,) = handler.handle_records([incoming(body)])
        return message(made)

    for at in (0, 60):
        opinions.update(0, NOW + timedelta(seconds=at))
        assert isinstance(routed("leans"), JobUndecided)
    opinions.update(0, NOW + timedelta(seconds=60.5))
    alone = routed("leans")
    assert isinstance(alone, JobRouted)
    assert (alone.decision.tier, alone.decision.score) == ("frontier", None)
    assert [check.detail for check in alone.decision.checks[-2:]] == [
        "medium hung by 0.0200 <= 0.0500: a second opinion decides",
        "nobody has given one for 60.5 s > 60 s: the fallback decides",
    ]
    assert canonical(decide_again(POLICY, alone.job, alone.decision)) == canonical(alone.decision)
    clear = routed("clear")
    assert isinstance(clear, JobRouted)
    assert clear.decision.tier == "medium", "the score decides where it can"
    opinions.update(1, NOW + timedelta(seconds=61))
    opinions.update(0, NOW + timedelta(seconds=62))
    assert isinstance(routed("leans"), JobUndecided)


async def test_while_the_score_is_suspended_the_fallback_decides() -> None:
    calibration = CalibrationMonitor.of(POLICY)
    broken = PromiseBroken(model=POLICY.scorer.name, found="it promises too much", judged_at=LATER)
    calibration.suspend(broken)
    (out,) = await OpinionHandler(POLICY, TOPICS, fails, lambda: LATER, calibration=calibration)(
        as_read(sent("leans"))
    )
    routed = message(out)
    assert isinstance(routed, JobRouted)
    made = routed.decision
    assert (made.tier, made.opinion) == ("frontier", None)
    assert made.checks[-1].detail == "it promises too much: the fallback decides"
    assert canonical(decide_again(POLICY, routed.job, made)) == canonical(made)


async def test_the_decision_is_recomputed_byte_for_byte() -> None:
    for give in (says(FOR_IT), says(AGAINST_IT), fails):
        routed = await decided(sent("hangs"), give)
        read_back = JobRouted.model_validate_json(routed.model_dump_json())
        again = decide_again(POLICY, read_back.job, read_back.decision)
        assert canonical(again) == canonical(routed.decision)


async def test_the_same_record_gives_the_same_id() -> None:
    handler = OpinionHandler(POLICY, TOPICS, says(FOR_IT), lambda: LATER)
    (one,), (other,) = [await handler(as_read(sent("hangs"))) for _ in range(2)]
    assert dict(one.headers)["ce_id"] == dict(other.headers)["ce_id"]
    assert dict(one.headers)["ce_causationid"] == dict(sent("hangs").headers)["ce_id"]


async def test_an_unreadable_record_is_a_dead_letter_and_ends_its_job() -> None:
    record = as_read(sent("hangs"))
    broken = Incoming(*record.origin, record.timestamp_ms, record.key, b'{"job": 1}', record.headers)
    letter, outcome = await OpinionHandler(POLICY, TOPICS, says(FOR_IT), lambda: LATER)(broken)
    assert letter.topic == TOPICS.dead.name
    assert isinstance(message(outcome), JobRejected)


@pytest.mark.parametrize(
    ("text", "card", "expected"),
    [
        (TEXT, {"beside": "cafe"}, "7:12: score.opinion: this opinion was tuned beside the score cafe"),
        (TEXT, {"quality": "0.98"}, "the opinion is not tuned for `0.99`; it is for 0.98"),
        (TEXT.replace("band: 0.05", "band: 0"), {}, "score.opinion.band"),
    ],
)
def test_errors_in_the_section_are_reported_with_their_line(
    text: str, card: dict[str, str], expected: str
) -> None:
    with pytest.raises(FileError) as caught:
        read(text, **card)
    assert expected in str(caught.value)


def test_its_content_counts_in_the_version() -> None:
    assert read().version != read(TEXT.partition("  opinion:")[0]).version


def test_the_service_refuses_a_policy_without_opinions() -> None:
    with pytest.raises(OpinionMissingError, match="asks for no second opinion") as caught:
        giver(read(TEXT.partition("  opinion:")[0]))
    assert "opinion: {model: builtin}" in caught.value.hint


REVIEWED = (
    TEXT
    + """\
review:
  queues: [{name: routes, deadline_s: 600}]
  thresholds: [{name: sure-route, of: routing, source: score, above: 0.92, queue: routes}]
"""
)


@pytest.mark.parametrize(
    ("give", "topic"),
    [
        (says(FOR_IT), "medium"),  # the mean of 0.88 and 0.98 is 0.93
        (says(AGAINST_IT), "frontier"),  # of which the score is sure
        (says(NO_NUMBER), None),
        (fails, None),
    ],
)
async def test_the_second_opinion_comes_first_then_a_person_is_asked(
    give: Callable[[str], Awaitable[Estimate]], topic: str | None
) -> None:
    made = sent("hangs x", REVIEWED)
    assert made.topic == TOPICS.opinion.name
    (out,) = await OpinionHandler(Policy.compile(read(REVIEWED)), TOPICS, give, lambda: LATER)(as_read(made))
    assert out.topic == (TOPICS.review.name if topic is None else TOPICS.tier(topic).name)
    if topic is None:
        case = message(out)
        assert isinstance(case, ReviewRequested)
        assert case.stop.rule == "sure-route"
        assert out.key == str(case.job.job_id).encode()


async def test_the_agents_own_thresholds_are_kept_on_the_way_through_the_opinion() -> None:
    agents = "unregistered: admit\nagents:\n  - {id: careful, owner: x, confidence: " + (
        "[{of: routing, source: score, above: 0.94, queue: gone}]}\n"
    )
    policy = Policy.compile(read())
    in_force = RegistryInForce(parse_agents(agents, policy.tiers).registry)
    value = json.dumps({"agent_id": "careful", "prompt": "hangs x"}).encode()
    (made,) = RouterHandler(policy, in_force, TOPICS, lambda: NOW).handle_records([incoming(value)])
    assert made.topic == TOPICS.opinion.name
    (out,) = await OpinionHandler(policy, TOPICS, says(FOR_IT), lambda: LATER)(as_read(made))
    case = message(out)
    assert isinstance(case, ReviewRequested)
    assert (case.stop.rule, case.queue) == ("agent", "default")
