"""If judged answers are worse than predicted, scored jobs go to the fallback tier, with a message."""

import json
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.router.scoring.calibration_monitor import KEPT, CalibrationMonitor
from pointsman.score.calibration import LEAST
from pointsman.score.estimate import Bar
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobRouted
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.support.router.scored_policy import scored_policy

#: `easy` goes to small with a promise of 0.9995, `hard` to frontier.
POLICY = scored_policy(
    fixed_score({"easy": (0.9995, 0.9999, 1.0), "hard": (0.1, 0.2, 1.0)}, bar=Bar(rate=0.1, margin=0.0))
)


MODEL = POLICY.scorer.name


class Router:
    def __init__(self) -> None:
        self.calibration = CalibrationMonitor.of(POLICY)
        self._handler = RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW, calibration=self.calibration)
        self._offset = 0

    def route(self, text: str, **fields: str) -> JobRouted:
        body = json.dumps({"agent_id": "math-tutor", "prompt": text, **fields}).encode()
        (made,) = self._handler.handle_records([incoming(body, offset=self._offset)])
        self._offset += 1
        read = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
        assert isinstance(read, Decoded)
        assert isinstance(read.message, JobRouted)
        return read.message

    def judge(self, routed: JobRouted, verdict: float, by: str = "reviewer", after_s: float = 0) -> None:
        self.calibration.add_verdict(said(routed, verdict, by), NOW + timedelta(seconds=after_s))

    def judged(self, text: str, verdict: float, count: int, after_s: float = 0) -> None:
        for _ in range(count):
            self.judge(self.route(text), verdict, after_s=after_s)

    def tier(self) -> str:
        """The tier of an easy job now."""
        return self.route("easy sum").decision.tier


def said(routed: JobRouted, verdict: float, by: str = "reviewer") -> JobFeedback:
    """A verdict with a prediction."""
    return JobFeedback(
        job_id=routed.job.job_id,
        agent_id="math-tutor",
        by=by,
        verdict=verdict,
        tier=routed.decision.tier,
        score=routed.decision.score,
    )


def renewed(after_s: float) -> tuple[PromiseRenewed, datetime]:
    """A person's record that trusts the score again."""
    return PromiseRenewed(model=MODEL, by="ana"), NOW + timedelta(seconds=after_s)


def test_bad_verdicts_put_the_fallback_back() -> None:
    router = Router()
    router.judged("easy sum", 0.0, LEAST - 1)
    assert router.route("easy sum").decision.tier == "small"
    router.judged("easy sum", 0.0, 1)
    after = router.route("easy sum", kind="mail")
    assert after.decision.tier == "medium", "the rule's own fallback"
    assert after.decision.score is None
    (check_of,) = [check for check in after.decision.checks if check.name == "promise"]
    assert check_of.detail == (
        "the score promises too much: 0.0 of 30 judged answers good, 30.0 expected, 0.0 < 29.6: "
        "the fallback decides"
    )


def test_good_verdicts_change_nothing() -> None:
    router = Router()
    router.judged("easy sum", 1.0, 4 * LEAST)
    assert router.route("easy sum").decision.tier == "small"


def test_rules_that_name_a_tier_are_neither_watched_nor_touched() -> None:
    router = Router()
    for _ in range(2 * LEAST):
        router.judge(router.route("easy sum", kind="code"), 0.0)
    assert router.calibration.suspended is None
    router.judged("easy sum", 0.0, LEAST)
    code = router.route("easy sum", kind="code")
    assert not [check for check in code.decision.checks if check.name == "promise"]


def test_the_strongest_tiers_verdicts_are_what_the_others_are_held_against() -> None:
    router = Router()
    router.judged("hard riddle", 0.0, 10 * LEAST)
    assert router.calibration.suspended is None
    router.judged("easy sum", 0.5, LEAST)
    assert router.calibration.suspended is None, "half as good is better than what the strongest does"


def test_the_last_verdict_of_each_judge_counts_and_several_judges_are_averaged() -> None:
    router = Router()
    for _ in range(2 * LEAST):
        routed = router.route("easy sum")
        router.judge(routed, 1.0)
        for verdict in (0.0, 1.0):
            router.judge(routed, verdict, by="second")
        if router.calibration.suspended:
            break
    # The first of the second judge's verdicts was bad for a moment: one of thirty by half.
    assert router.calibration.suspended is not None
    assert "29.5 of 30" in router.calibration.suspended.detail


def test_a_verdict_on_a_job_of_another_process_counts_as_its_own() -> None:
    one, other = Router(), Router()
    for _ in range(LEAST):
        other.judge(one.route("easy sum"), 0.0)
    assert other.tier() == "frontier"


def test_what_another_process_found_counts_and_so_it_does_after_a_restart() -> None:
    one, other = Router(), Router()
    one.judged("easy sum", 0.0, LEAST, after_s=5)
    finding = one.calibration.unpublished
    assert finding is not None
    assert (finding.model, finding.judged_at) == (MODEL, NOW + timedelta(seconds=5))
    other.calibration.suspend(finding)
    assert other.calibration.suspended == one.calibration.suspended
    assert other.calibration.unpublished is None, "it is on record already"
    assert other.tier() == "frontier"


@pytest.mark.parametrize("model", ["fixed@ffffffffffff", "other@1"])
def test_what_is_said_of_another_model_is_not_about_this_one(model: str) -> None:
    router = Router()
    router.calibration.suspend(PromiseBroken(model=model, found="bad", judged_at=NOW))
    for _ in range(2 * LEAST):
        verdict = said(router.route("easy sum"), 0.0)
        assert verdict.score is not None
        score = verdict.score.model_copy(update={"model": model})
        router.calibration.add_verdict(verdict.model_copy(update={"score": score}), NOW)
    assert router.tier() == "small"
    router.judged("easy sum", 0.0, LEAST)
    router.calibration.resume(PromiseRenewed(model=model, by="ana"), NOW + timedelta(days=1))
    assert router.tier() == "frontier"


def test_what_was_promised_with_a_second_opinion_is_this_scores_promise_too() -> None:
    router = Router()
    for _ in range(LEAST):
        verdict = said(router.route("easy sum"), 0.0)
        assert verdict.score is not None
        score = verdict.score.model_copy(update={"model": f"{MODEL} with second@1"})
        router.calibration.add_verdict(verdict.model_copy(update={"score": score}), NOW)
    assert router.tier() == "frontier"


def test_a_score_that_is_trusted_again_begins_anew() -> None:
    router = Router()
    old = [router.route("easy sum") for _ in range(2 * LEAST)]
    router.judged("easy sum", 0.0, LEAST)
    router.calibration.resume(*renewed(after_s=10))
    assert (router.tier(), router.calibration.unpublished) == ("small", None)
    for routed in old:
        router.judge(routed, 0.0, after_s=10)
    router.judged("easy sum", 0.0, LEAST - 1, after_s=11)
    assert router.tier() == "small"
    router.judged("easy sum", 0.0, 1, after_s=11)
    assert router.tier() == "frontier"


def test_in_whatever_order_it_is_heard_trust_outweighs_what_was_found_before_it_only() -> None:
    earlier = PromiseBroken(model=MODEL, found="bad", judged_at=NOW)
    later = PromiseBroken(model=MODEL, found="bad again", judged_at=NOW + timedelta(seconds=20))
    for first in (earlier, None):
        router = Router()
        if first is not None:
            router.calibration.suspend(first)
        router.calibration.resume(*renewed(after_s=10))
        router.calibration.suspend(earlier)
        assert router.tier() == "small"
        router.calibration.suspend(later)
        router.calibration.resume(*renewed(after_s=5))
        assert router.tier() == "frontier"


def test_a_verdict_that_says_nothing_of_a_promise_is_not_held_against_it() -> None:
    router = Router()
    for _ in range(2 * LEAST):
        routed = router.route("easy sum")
        router.calibration.add_verdict(
            JobFeedback(job_id=routed.job.job_id, agent_id="math-tutor", by="reviewer", verdict=0.0), NOW
        )
    assert router.tier() == "small"


def test_what_is_remembered_is_bounded() -> None:
    router = Router()
    verdict = said(router.route("easy sum"), 1.0)
    for place in range(KEPT + 50):
        router.calibration.add_verdict(verdict.model_copy(update={"job_id": UUID(int=place)}), NOW)
    assert len(router.calibration._judged) == KEPT


def test_a_decision_under_doubt_is_made_again_to_the_byte() -> None:
    router = Router()
    router.judged("easy sum", 0.0, LEAST)
    routed = router.route("easy sum")
    assert canonical(decide_again(POLICY, routed.job, routed.decision)) == canonical(routed.decision)
