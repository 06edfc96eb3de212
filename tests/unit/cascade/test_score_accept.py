"""A cheap answer is accepted only if its prediction exceeds the bar; doubt escalates."""

from math import inf, nan
from typing import Any

import pytest

from pointsman.cascade.accept import accept, charge
from pointsman.cascade.accept_evidence import FEATURES, MISSING, AcceptanceEvidence, CheapAnswer
from pointsman.cascade.accept_trees import Tree
from pointsman.score.estimate import Bar
from tests.support.worker.accept_models import accept_model, answered, constant


def test_agreeing_answers_are_accepted_and_others_escalate() -> None:
    model = accept_model()
    assert accept(model, answered("C", "The answer is (C)."), "0.99").tier == "mid"
    assert accept(model, answered("C", "D"), "0.99").tier == "frontier"


def test_a_tie_escalates() -> None:
    # sufficient 0.5, required 1 - 0 - 0 + margin: equal at a margin of -0.5 less what `better` adds
    even = accept_model(worse=constant(0.0), better=constant(-40.0), bar=Bar(0.0, -0.5))
    first = accept(even, answered("C", "C"), "0.99").compared[0]
    tie = accept_model(
        worse=constant(0.0), better=constant(-40.0), bar=Bar(0.0, -0.5 + first.sufficient - first.required)
    )
    choice = accept(tie, answered("C", "C"), "0.99")
    assert choice.compared[0].sufficient == choice.compared[0].required
    assert choice.tier == "frontier"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (answered("C", ""), "no answer can be read"),
        (answered("C", "x" * 1_000), "'long'"),
        (answered("C", "['a']"), "'code'"),
        (answered("C", "C", tokens=nan), "length of an answer is missing"),
        (answered("C", "C", tokens=inf), "length of an answer is missing"),
        (answered("C", "C", tokens=-1.0), "length of an answer is missing"),
        (answered("C", "C", logprob=nan), "certainty is not a number"),
        (
            AcceptanceEvidence("Q", CheapAnswer("tiny", "C", 1.0), CheapAnswer("mid", "C", 1.0)),
            "answers of tiny and mid",
        ),
    ],
)
def test_missing_or_unknown_values_escalate_with_a_reason(
    evidence: AcceptanceEvidence, expected: str
) -> None:
    choice = accept(accept_model(bar=Bar(0.0, -9.0)), evidence, "0.99")
    assert choice.tier == "frontier"
    assert choice.undecided is not None
    assert expected in choice.undecided


@pytest.mark.parametrize("wrong", ["worse", "better", "cost"])
def test_a_model_that_says_nan_accepts_nothing(wrong: str) -> None:
    broken: Any = constant(0.0)
    object.__setattr__(broken, "offset", nan)
    choice = accept(accept_model(bar=Bar(0.0, -9.0), **{wrong: broken}), answered("C", "C"), "0.99")
    assert choice.tier == "frontier"


def test_an_unknown_quality_is_an_error() -> None:
    with pytest.raises(KeyError):
        accept(accept_model(), answered("C", "C"), "0.9")


def test_a_more_expensive_strongest_tier_lowers_the_bar() -> None:
    cheap = accept_model(worse=constant(-2.0), cost=constant(-3.0), bar=Bar(0.2, 0.0))
    dear = accept_model(worse=constant(-2.0), cost=constant(0.5), bar=Bar(0.2, 0.0))
    assert accept(cheap, answered("C", "C"), "0.99").tier == "frontier"
    assert accept(dear, answered("C", "C"), "0.99").tier == "mid"


def test_every_call_is_charged() -> None:
    assert charge([0.5, 0.25]) == 0.75
    assert charge([0.5, 0.25, 4.0]) == 4.75
    assert charge([0.5, nan]) != charge([0.5, nan])


def test_the_reasons_name_what_moved_the_decision() -> None:
    for_it = accept_model().reasons(answered("C", "C"))
    assert [(reason.words, reason.weight) for reason in for_it] == [(FEATURES["agree"].words, 6.0)]
    assert accept_model().reasons(answered("C", "D")) == []


def test_features_are_never_nan_and_say_what_is_missing() -> None:
    names = tuple(FEATURES)
    for evidence in (answered("", ""), answered("C", "3", "x" * 50_000), answered("1e99", "-" + "9" * 39)):
        assert all(value == value and abs(value) <= 1e6 for value in evidence.values(names))
    assert answered("C", "C").values(("answer_logprob", "surer", "size")) == (MISSING,) * 3


def test_a_cyclic_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="leads back"):
        Tree((0, 0, -1), (0.0, 0.0, 0.0), (1, 0, 0), (2, 2, 0), (0, 0, 0))
