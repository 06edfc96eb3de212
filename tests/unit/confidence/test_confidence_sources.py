"""The sources of confidence: what each one extracts and what it ignores."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading
from pointsman.confidence.review import review_of
from pointsman.confidence.sources import agreement, logprob, score, stated, verifier
from pointsman.score.exact import exp
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.control.review_plans import ReviewPlan, ReviewQueue, ReviewThreshold
from pointsman_schemas.decisions import Score
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.reasons import StepReason
from tests.support.worker.cascades import TIERS, plan, response


def answered(body: Any, tier: str = "small", **about: Any) -> ConfidenceEvidence:
    return ConfidenceEvidence(response=body, tier=tier, **about)


def said(text: str | None) -> ConfidenceEvidence:
    return answered(response(text))


def samples(*texts: str | None) -> dict[str, Any]:
    return {"choices": [response(text)["choices"][0] for text in texts]}


def asking(n: object) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": "?"}], "n": n})


def step(tier: str, confidence: float | None, *, accepted: bool = True) -> CascadeStep:
    return CascadeStep(
        tier=tier,
        accepted=accepted,
        reason=StepReason.SURE,
        detail="",
        confidence=confidence,
        threshold=0.9,
        attempts=1,
        cost_usd=None,
    )


def test_the_score_comes_from_the_decision() -> None:
    promised = Score(model="general@1", sufficient=0.97, threshold=0.9)
    assert score(ConfidenceEvidence(score=promised)) == ConfidenceReading(0.97)
    assert score(ConfidenceEvidence()).missing == "the learned score did not choose the tier"


def test_the_tokens_mean_probability() -> None:
    body = response("4", logprobs=[-0.25, -0.5, 0.0])
    assert logprob(answered(body)) == ConfidenceReading(exp(-0.25))


@pytest.mark.parametrize(
    "logprobs",
    [None, [], [None], [0.5], [-0.1, "x"], [False], [-(10**400)], [-1.7e308, -1.7e308], [float("nan")]],
)
def test_invalid_probabilities_are_ignored(logprobs: Sequence[object] | None) -> None:
    assert logprob(answered(response("4", logprobs=logprobs))).missing


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["4", "The answer is 4", "4.0"], Fraction(1)),
        (["4", "5", "4"], Fraction(2, 3)),
        (["5", "4", "4"], Fraction(1, 3)),  # the first is what counts as the answer
        (["4", None, ""], Fraction(1, 3)),
    ],
)
def test_agreement_is_the_share_of_samples_equal_to_the_answer(
    texts: list[str | None], share: Fraction
) -> None:
    assert agreement(answered(samples(*texts))) == ConfidenceReading(share)


def test_missing_samples_do_not_agree() -> None:
    assert agreement(answered(samples("4", "4"), request=asking(5))) == ConfidenceReading(Fraction(2, 5))
    assert agreement(answered(samples("4", "4"), request=asking("many"))) == ConfidenceReading(Fraction(1))


@pytest.mark.parametrize("texts", [["4"], [""], ["", ""], ["x" * 500, "x" * 500], ["4"] * 200])
def test_incomparable_samples_do_not_agree(texts: list[str]) -> None:
    assert agreement(answered(samples(*texts))).missing


def test_without_a_first_choice_there_is_no_agreement() -> None:
    body = {"choices": [None, *samples("4", "4", "4")["choices"]]}
    assert agreement(answered(body)).missing


def test_a_verdict_is_on_the_answer_that_it_accepted() -> None:
    cascade = plan("model", quality="0.99")
    steps = [step("small", 0.2, accepted=False), step("medium", 0.98)]
    asked = answered(response("4"), "medium", cascade=cascade, steps=steps)
    assert verifier(asked) == ConfidenceReading(0.98)


def test_a_verdict_on_another_answer_is_ignored() -> None:
    cascade = plan("model", quality="0.99")
    turned_down = [step("small", None, accepted=False), step("medium", 0.99, accepted=False)]
    assert verifier(answered(response("4"), "frontier", cascade=cascade, steps=turned_down)).missing
    assert verifier(answered(response("4"), "medium", cascade=cascade, steps=turned_down)).missing
    assert verifier(answered(response("4"), "medium", cascade=cascade)).missing
    likely = plan("logprob", threshold=0.9)
    assert verifier(answered(response("4"), "medium", cascade=likely, steps=[step("medium", 1)])).missing


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"answer": "yes", "confidence": 0.94}', Decimal("0.94")),
        (' {"confidence": 0.950000000000000000000001} ', Decimal("0.950000000000000000000001")),
        ('{"confidence": 1}', 1),
        ('{"confidence": true}', True),
        ('{"confidence": [0.99]}', [Decimal("0.99")]),
    ],
)
def test_a_stated_confidence_keeps_every_digit(text: str, value: object) -> None:
    assert stated(said(text)) == ConfidenceReading(value)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "I am sure",
        "0.99",
        '[{"confidence": 0.99}]',
        '{"answer": {"confidence": 0.99}}',
        '{"confidence": "0.99"}',
        '{"confidence": null}',
        '{"confidence": 0.99, "confidence": 0.1}',
        '```json\n{"confidence": 0.99}\n```',
        '{"confidence": 0.99} and more',
        '{"confidence": 0.99',
        '{"confidence": 1e99999999999999999999}',
        '{"confidence": 0.99, "x": ' + "[" * 200_000,
        '{"confidence": ' + "9" * 10_000 + "}",
        '{"confidence": 0.99, "x": "' + "x" * (1024 * 1024) + '"}',
    ],
    ids=lambda text: str(text)[:30],
)
def test_answers_without_a_stated_confidence(text: str | None) -> None:
    assert stated(said(text)).missing


def test_non_numbers_are_passed_to_the_comparison() -> None:
    value = stated(said('{"confidence": NaN}')).value
    assert isinstance(value, Decimal)
    assert value.is_nan()


PLAN = ReviewPlan(
    tiers=TIERS,
    thresholds=(
        ReviewThreshold(
            name="sure-route", of="routing", source="score", above=Decimal("0.9"), queue="routes"
        ),
        ReviewThreshold(
            name="sure-words", of="answer", source="logprob", above=Decimal("0.5"), queue="answers"
        ),
        ReviewThreshold(name="agent", of="answer", source="stated", above=Decimal("0.95"), queue="answers"),
    ),
    queues=(ReviewQueue(name="routes", deadline_s=60), ReviewQueue(name="answers", deadline_s=60)),
)


def test_the_first_threshold_that_is_not_exceeded_stops_the_job() -> None:
    body = response('{"confidence": 0.94}', logprobs=[-0.1])
    stop = review_of(PLAN, "answer", answered(body)).stop
    assert stop is not None
    assert stop.model_dump(mode="json") == {
        "rule": "agent",
        "of": "answer",
        "source": "stated",
        "value": "0.94",
        "threshold": "0.95",
        "detail": "0.94 < 0.95",
    }
    unlikely = review_of(PLAN, "answer", answered(response('{"confidence": 0.94}', logprobs=[-9.0]))).stop
    assert unlikely is not None
    assert unlikely.rule == "sure-words"


def test_a_job_above_all_thresholds_continues_with_recorded_comparisons() -> None:
    body = response('{"confidence": 0.96}', logprobs=[0.0])
    reviewed = review_of(PLAN, "answer", answered(body))
    assert (reviewed.stop, reviewed.queue) == (None, None)
    assert [(check.layer, check.name, check.passed, check.detail) for check in reviewed.checks] == [
        ("confidence", "sure-words", True, "logprob: 1.0 > 0.5"),
        ("confidence", "agent", True, "stated: 0.96 > 0.95"),
    ]


def test_a_missing_confidence_stops_the_job_with_the_reason() -> None:
    stop = review_of(PLAN, "routing", ConfidenceEvidence()).stop
    assert stop is not None
    assert (stop.value, stop.detail) == (None, "the learned score did not choose the tier")


def test_without_a_plan_there_is_no_review() -> None:
    assert review_of(None, "answer", said("4")).stop is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "logprob", "text", "type", "confidence"]), inner)
    ),
    max_leaves=8,
)
_CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "message": st.fixed_dictionaries(
            {}, optional={"content": _JSON | _JSON.map(lambda value: json.dumps(value, default=str))}
        ),
        "finish_reason": _JSON,
        "logprobs": _JSON,
    },
)
_BODY = st.one_of(
    _JSON,
    st.fixed_dictionaries({"choices": _JSON | st.lists(_CHOICE | _JSON, max_size=4)}),
)


@given(body=_BODY, n=_JSON)
def test_no_answer_raises_an_error(body: Any, n: object) -> None:
    evidence = answered(body, cascade=plan("model", quality="0.99"), request=asking(n))
    for source in (logprob, agreement, verifier, stated):
        assert isinstance(source(evidence), ConfidenceReading)
    stop = review_of(PLAN, "answer", evidence).stop
    assert stop is None or len(stop.detail) <= 500
