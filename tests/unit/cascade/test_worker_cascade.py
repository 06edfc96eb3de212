"""Which answers of a cheap tier are accepted, and which escalate; doubt always escalates."""

from math import inf, log, nan
from typing import Any

import pytest

from pointsman.cascade.accept_trees import Forest
from pointsman.cascade.judge import Spent, Stage, failed
from pointsman.score.estimate import Bar
from pointsman.score.exact import exp
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.reasons import StepReason
from tests.support.worker.accept_models import accept_model
from tests.support.worker.cascades import NAMED, judged, plan, response, up

ANSWER, AGREEMENT = plan("answer"), plan("agreement")
MODEL = plan("model", model=NAMED, quality="0.99")
LIKELY = plan("logprob", threshold=0.9)


def test_a_likely_answer_is_accepted() -> None:
    verdict = judged(LIKELY, "small", response("42", logprobs=[log(0.95), log(0.97)]))
    assert verdict is not None and verdict.up is None
    assert (verdict.step.accepted, verdict.step.reason, verdict.step.threshold) == (
        True,
        StepReason.SURE,
        0.9,
    )
    assert verdict.step.detail == "0.9599 > 0.9000"


def test_an_unlikely_answer_escalates_by_one_tier() -> None:
    verdict = judged(LIKELY, "small", response("42", logprobs=[log(0.81)]))
    assert verdict is not None and verdict.up == "medium"
    assert (verdict.step.accepted, verdict.step.reason) == (False, StepReason.UNSURE)
    assert verdict.step.detail == "0.8100 < 0.9000"


def test_a_confidence_equal_to_the_threshold_escalates() -> None:
    confidence = exp(-0.25)
    verdict = judged(plan("logprob", threshold=confidence), "small", response("42", logprobs=[-0.25]))
    assert verdict is not None and verdict.up == "medium"
    assert verdict.step.confidence == verdict.step.threshold == confidence
    assert verdict.step.detail == "0.7788 = 0.7788, and a tie goes up"


@pytest.mark.parametrize(
    "told", [None, [], [nan], [-0.01, nan], [-inf], ["-0.01"], [None], [0.5], [-0.01, None]]
)
def test_a_confidence_of_nan_escalates(told: Any) -> None:
    verdict = judged(LIKELY, "small", response("42", logprobs=told))
    assert verdict is not None and verdict.up == "medium"
    assert (verdict.step.reason, verdict.step.confidence) == (StepReason.UNKNOWN, None)


@pytest.mark.parametrize(
    ("answer", "request_", "reason"),
    [
        (response(""), {}, StepReason.EMPTY),
        (response(None), {}, StepReason.EMPTY),
        (response(" \n"), {}, StepReason.EMPTY),
        (response("4", finish="length"), {}, StepReason.CUT_OFF),
        (response("4", finish="content_filter"), {}, StepReason.REFUSED),
        (response(None, refusal="No."), {}, StepReason.REFUSED),
        (response("I'm sorry, but I can't help with that."), {}, StepReason.REFUSED),
        (response("I cannot assist with this request."), {}, StepReason.REFUSED),
        (response("Sorry, I’m unable to answer that."), {}, StepReason.REFUSED),
        (response("We do not provide such advice."), {}, StepReason.REFUSED),
        (response("four"), {"response_format": {"type": "json_object"}}, StepReason.NOT_JSON),
    ],
)
@pytest.mark.parametrize("cascade", [ANSWER, AGREEMENT, LIKELY, MODEL])
def test_an_incomplete_answer_always_escalates(
    cascade: Any, answer: dict[str, Any], request_: dict[str, Any], reason: StepReason
) -> None:
    verdict = judged(cascade, "small", answer, model=accept_model(), **request_)
    assert verdict is not None and verdict.up is not None
    assert (verdict.step.accepted, verdict.step.reason) == (False, reason)


@pytest.mark.parametrize(
    ("answer", "request_"),
    [
        (response("4"), {}),
        (response("4", finish=None), {}),
        (response("4", finish="end_turn"), {}),
        (response("We do not provide refunds after 30 days."), {}),
        (response("I can help with that: 4"), {}),
        (response("We do not sell that, but the answer is 4."), {}),
        (response('{"a": 4}'), {"response_format": {"type": "json_object"}}),
        (response(None, finish="tool_calls", tool_calls=[{"function": {"name": "f"}}]), {}),
        (response([{"type": "text", "text": "4"}, 5]), {}),  # type: ignore[arg-type]
    ],
)
def test_a_complete_answer_is_accepted_by_answer(answer: dict[str, Any], request_: dict[str, Any]) -> None:
    verdict = judged(ANSWER, "small", answer, **request_)
    assert verdict is not None and verdict.up is None and verdict.step.accepted


def test_agreeing_answers_are_accepted_in_any_wording() -> None:
    one, other = up(AGREEMENT, "The answer is 1,000.", "So we get\n#### 1000")
    assert (one.up, one.step.reason) == ("medium", StepReason.COMPARED_LATER)
    assert other.up is None
    assert other.step.detail == "small and medium say `1000`"


def test_differing_answers_escalate() -> None:
    _, other = up(AGREEMENT, "41", "42")
    assert (other.up, other.step.reason) == ("frontier", StepReason.DIFFERED)
    assert other.step.detail == "small says `41`, medium says `42`"


def test_without_a_comparable_answer_the_second_tier_is_skipped() -> None:
    verdict = judged(AGREEMENT, "small", response("A long story. " * 100))
    assert verdict is not None and verdict.up == "frontier"
    assert judged(AGREEMENT, "small", response(""), model=None).up == "frontier"
    assert judged(LIKELY, "small", response("")).up == "medium"


def test_without_the_first_answer_nothing_agrees() -> None:
    verdict = judged(AGREEMENT, "medium", response("42"))
    assert verdict is not None and (verdict.up, verdict.step.reason) == ("frontier", StepReason.UNKNOWN)


def test_the_model_weighs_both_answers() -> None:
    _, same = up(MODEL, "42", "42", model=accept_model())
    _, other = up(MODEL, "41", "42", model=accept_model())
    assert same.up is None and same.step.confidence is not None and same.step.confidence > 0.99
    assert other.up == "frontier" and other.step.reason is StepReason.UNSURE
    assert " < " in other.step.detail


@pytest.mark.parametrize(
    "model",
    [
        None,
        accept_model(worse=Forest(0, (), nan)),
        accept_model(bar=Bar(nan, 0.0)),
        accept_model(kinds=frozenset({"choice"})),
    ],
)
def test_an_unsure_or_missing_model_escalates(model: Any) -> None:
    one = judged(MODEL, "small", response("42"), model=model)
    assert one is not None and one.up is not None
    other = judged(MODEL, "medium", response("42"), [one.step], model=model)
    assert other is not None
    assert (other.up, other.step.reason, other.step.confidence) == ("frontier", StepReason.UNKNOWN, None)


def test_the_last_tier_is_not_judged() -> None:
    assert judged(LIKELY, "frontier", response("")) is None
    assert judged(LIKELY, "elsewhere", response("")) is None


def test_a_failing_tier_escalates_or_ends_the_job_as_configured() -> None:
    asked = ChatRequest.model_validate({"messages": [{"role": "user", "content": "How many?"}]})
    judged = failed(Stage(LIKELY, "small", (), asked, Spent(4, None)), "server error")
    assert judged is not None and (judged.up, judged.step.attempts) == ("medium", 4)
    assert judged.step.detail == "server error"
    assert failed(Stage(AGREEMENT, "small", (), asked, Spent(4, None)), "x").up == "frontier"
    ends = plan("logprob", threshold=0.9, on_failure="end")
    assert failed(Stage(ends, "small", (), asked, Spent(4, None)), "server error") is None
    assert failed(Stage(LIKELY, "frontier", (), asked, Spent(4, None)), "server error") is None
