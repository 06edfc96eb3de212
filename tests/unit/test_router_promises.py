"""When judged answers are worse than the score promised, scored jobs go to the fallback, and it says so."""

import json
import logging
from uuid import UUID

import pytest

from pointsman.bus.decode import Decoded, decode
from pointsman.bus.records import Incoming
from pointsman.router.again import canonical, decide_again
from pointsman.router.handlers import RouterHandler
from pointsman.router.promises import KEPT, REMEMBERED, Promises
from pointsman.score.estimate import Bar
from pointsman.score.promise import LEAST
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobRouted
from tests.support.fixed_score import fixed_score
from tests.support.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.support.scored_policy import scored_policy

#: `easy` goes to small with a promise of 0.9995, `hard` to frontier.
POLICY = scored_policy(
    fixed_score({"easy": (0.9995, 0.9999, 1.0), "hard": (0.1, 0.2, 1.0)}, bar=Bar(rate=0.1, margin=0.0))
)


class Router:
    def __init__(self) -> None:
        self.promises = Promises("frontier")
        self._handler = RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW, promises=self.promises)
        self._offset = 0

    def route(self, text: str, **fields: str) -> JobRouted:
        body = json.dumps({"agent_id": "math-tutor", "prompt": text, **fields}).encode()
        (made,) = self._handler([incoming(body, offset=self._offset)])
        self._offset += 1
        read = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
        assert isinstance(read, Decoded)
        assert isinstance(read.message, JobRouted)
        return read.message

    def judge(self, job_id: UUID, verdict: float, by: str = "reviewer") -> None:
        self.promises.judged(JobFeedback(job_id=job_id, agent_id="math-tutor", by=by, verdict=verdict))

    def judged(self, text: str, verdict: float, count: int) -> None:
        for _ in range(count):
            self.judge(self.route(text).job.job_id, verdict)


def test_bad_verdicts_put_the_fallback_back(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()
    router.judged("easy sum", 0.0, LEAST - 1)
    assert router.route("easy sum").decision.tier == "small"
    with caplog.at_level(logging.WARNING, "pointsman.router.promises"):
        router.judged("easy sum", 0.0, 1)
    after = router.route("easy sum", kind="mail")
    assert after.decision.tier == "medium", "the rule's own fallback"
    assert after.decision.score is None
    (said,) = [check for check in after.decision.checks if check.name == "promise"]
    assert said.detail == (
        "the score promises too much: 0.0 of 30 judged answers good, 30.0 expected, 0.0 < 29.6: "
        "the fallback decides"
    )
    assert [record.getMessage() for record in caplog.records] == ["the score does not keep its promise"]


def test_good_verdicts_change_nothing() -> None:
    router = Router()
    router.judged("easy sum", 1.0, 4 * LEAST)
    assert router.route("easy sum").decision.tier == "small"


def test_rules_that_name_a_tier_are_neither_watched_nor_touched() -> None:
    router = Router()
    for _ in range(2 * LEAST):
        router.judge(router.route("easy sum", kind="code").job.job_id, 0.0)
    assert router.promises.found is None
    router.judged("easy sum", 0.0, LEAST)
    code = router.route("easy sum", kind="code")
    assert not [check for check in code.decision.checks if check.name == "promise"]


def test_the_strongest_tiers_verdicts_are_what_the_others_are_held_against() -> None:
    router = Router()
    router.judged("hard riddle", 0.0, 10 * LEAST)
    assert router.promises.found is None
    router.judged("easy sum", 0.5, LEAST)
    assert router.promises.found is None, "half as good is better than what the strongest does"


def test_the_last_verdict_of_each_judge_counts_and_several_judges_are_averaged() -> None:
    router = Router()
    for _ in range(2 * LEAST):
        job_id = router.route("easy sum").job.job_id
        router.judge(job_id, 1.0)
        for verdict in (0.0, 1.0):
            router.judge(job_id, verdict, by="second")
        if router.promises.found:
            break
    # The first of the second judge's verdicts was bad for a moment: one of thirty by half.
    assert router.promises.found is not None
    assert "29.5 of 30" in router.promises.found.detail


def test_a_verdict_on_a_job_of_another_process_is_not_ours() -> None:
    router = Router()
    for place in range(2 * LEAST):
        router.judge(UUID(int=place), 0.0)
    assert router.promises.found is None


def test_what_is_remembered_is_bounded() -> None:
    router = Router()
    routed = router.route("easy sum")
    for place in range(REMEMBERED + 50):
        router.promises.made(UUID(int=place), routed.decision)
    for place in range(REMEMBERED, REMEMBERED - KEPT - 50, -1):
        router.judge(UUID(int=place), 1.0)
    assert len(router.promises._made) == REMEMBERED
    assert len(router.promises._judged) == KEPT


def test_a_decision_under_doubt_is_made_again_to_the_byte() -> None:
    router = Router()
    router.judged("easy sum", 0.0, LEAST)
    routed = router.route("easy sum")
    assert canonical(decide_again(POLICY, routed.job, routed.decision)) == canonical(routed.decision)
