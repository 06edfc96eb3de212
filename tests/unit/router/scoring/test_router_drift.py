"""If a lane's jobs no longer resemble the training data, scored jobs go to the fallback tier."""

import json
import logging
from collections.abc import Callable, Iterable

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import parse
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.router.scoring.drift import CHECK_EVERY, EVERY
from pointsman.router.scoring.score_section import SCORE
from pointsman.runtime.log_events import Event
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import JobRouted
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.support.router.scored_policy import TEXT
from tests.support.router.tiny_model import tiny_model

MODEL = SCORE.read(tiny_model())
POLICY = Policy.compile(parse(TEXT, read_model=lambda _: MODEL))
#: After so many scored jobs, and a few more, the lane has looked at a sample of them.
ROUND = EVERY * CHECK_EVERY * 5 // 4


def familiar(place: int) -> str:
    number = place % 30
    return (
        f"please add the numbers {number} and seven" if place % 2 else f"prove riddle {number} about knights"
    )


def strange(place: int) -> str:
    return f"def f{place}(x):\n    return [x ** {place}, {{'a': x}}]  # {place:>200}\n" * 6


class Lane:
    """A router's lane and its last decision."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self._handler = RouterHandler(policy, REGISTRY, TOPICS, lambda: NOW)
        self._offset = 0

    def take(self, text: Callable[[int], str], jobs: int, **fields: str) -> list[JobRouted]:
        made: list[JobRouted] = []
        for place in range(jobs):
            body = json.dumps({"agent_id": "math-tutor", "prompt": text(place), **fields}).encode()
            (routed,) = self._handler.handle_records([incoming(body, offset=self._offset)])
            self._offset += 1
            read = decode(Incoming(routed.topic, 0, 0, 0, routed.key, routed.value, tuple(routed.headers)))
            assert isinstance(read, Decoded)
            assert isinstance(read.message, JobRouted)
            made.append(read.message)
        return made


def drifts(made: Iterable[JobRouted]) -> list[Check]:
    return [check for routed in made for check in routed.decision.checks if check.name == "drift"]


def test_familiar_work_is_scored_for_ever() -> None:
    assert drifts(Lane().take(familiar, 3 * ROUND)) == []


def test_unfamiliar_work_goes_to_the_fallback_until_it_is_familiar_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lane = Lane()
    with caplog.at_level(logging.WARNING, "pointsman.router.scoring.drift"):
        assert drifts(lane.take(strange, CHECK_EVERY)) == [], "nothing is known before the first look"
        lane.take(strange, ROUND)
        after = lane.take(familiar, 10, kind="mail")
        assert [routed.decision.tier for routed in after] == ["medium"] * 10, "the rule's own fallback"
        (check,) = set(drifts(after))
        assert check.detail.startswith("unfamiliar work: shift ")
        assert check.detail.endswith(": the fallback decides")
        assert all(routed.decision.score is None for routed in after)
        lane.take(familiar, 3 * ROUND)
        assert drifts(lane.take(familiar, 10)) == []
    assert [record.getMessage() for record in caplog.records] == [
        Event.WORK_UNFAMILIAR,
        Event.WORK_FAMILIAR,
    ]


def test_rules_that_name_a_tier_are_not_watched() -> None:
    lane = Lane()
    lane.take(strange, ROUND, kind="code", order_key="o")  # with an order key none goes the fast path
    assert drifts(lane.take(familiar, 1)) == []


def test_rules_that_name_a_tier_are_not_touched() -> None:
    lane = Lane()
    lane.take(strange, ROUND)
    assert drifts(lane.take(familiar, 1))
    assert drifts(lane.take(familiar, 1, kind="code")) == []


def test_a_decision_under_drift_is_made_again_to_the_byte_and_not_by_another_policy() -> None:
    lane = Lane()
    lane.take(strange, ROUND)
    (routed,) = lane.take(familiar, 1)
    assert drifts([routed])
    assert canonical(decide_again(POLICY, routed.job, routed.decision)) == canonical(routed.decision)
    other = Policy.compile(parse(TEXT.replace("Code.", "Programs."), read_model=lambda _: MODEL))
    again = decide_again(other, routed.job, routed.decision)
    assert not [check for check in again.checks if check.name == "drift"]
