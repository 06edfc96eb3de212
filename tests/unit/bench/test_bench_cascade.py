"""The cascade's figures charge every call, come from questions never trained on, and repeat themselves."""

from dataclasses import replace

import numpy as np
import pytest

from pointsman.bench.routing.cascade import Cascade, charged, evidence, trained
from pointsman.bench.routing.sources.outcomes import DataError
from pointsman.learn.accept import TrainedAccept
from pointsman.learn.tune import NEVER
from pointsman.score.estimate import Bar
from tests.support.worker.cascade_outcomes import FRONTIER, MID, SMALL, cascade_outcomes


@pytest.fixture(scope="module")
def made() -> TrainedAccept:
    return trained(cascade_outcomes())


def test_accepting_is_charged_both_cheap_calls_and_going_up_all_three() -> None:
    paid = charged(cascade_outcomes(10))
    assert paid.cost[:, 0].tolist() == [SMALL + MID] * 10
    assert paid.cost[:, 1].tolist() == [SMALL + MID + FRONTIER] * 10
    assert paid.cost[:, 2].tolist() == [FRONTIER] * 10


def test_a_cascade_that_always_goes_up_costs_more_than_always_the_strongest(made: TrainedAccept) -> None:
    strict = Cascade(replace(made.model, bars={"0.99": Bar(0.0, 0.9)}))
    figures = strict.figures(cascade_outcomes(200, seed=2), "0.99")
    assert figures["saved"] == pytest.approx(-(SMALL + MID) / FRONTIER)
    assert figures["quality"] == 1.0


def test_where_no_bar_was_found_the_cheap_tiers_are_not_asked(made: TrainedAccept) -> None:
    never = Cascade(replace(made.model, bars={"0.99": NEVER}))
    figures = never.figures(cascade_outcomes(200, seed=2), "0.99")
    assert figures["saved"] == 0.0
    assert figures["shares"] == {"small": 0.0, "mid": 0.0, "frontier": 1.0}


def test_a_bar_that_costs_more_than_the_strongest_alone_is_none() -> None:
    own = cascade_outcomes(400)
    dear = replace(
        own, cost=own.cost * [400.0, 80.0, 1.0]
    )  # the cheap tiers cost 0.4 and 0.8 of the strongest
    assert set(trained(dear).model.bars.values()) == {NEVER}


def test_it_saves_where_cheap_answers_agree_and_keeps_the_quality(made: TrainedAccept) -> None:
    figures = Cascade(made.model).figures(cascade_outcomes(600, seed=3), "0.99")
    assert figures["saved"] > 0.3
    assert figures["quality"] > 0.98


def test_training_twice_gives_the_same_bytes(made: TrainedAccept) -> None:
    assert trained(cascade_outcomes()).content == made.content


def test_agreement_is_believed_and_the_mean_of_what_is_said_comes_true(made: TrainedAccept) -> None:
    own = cascade_outcomes()
    evidences = evidence(own)
    estimates = [made.model.estimate(answer_evidence) for answer_evidence in evidences]
    agreeing = np.array([answer_evidence.agree for answer_evidence in evidences])
    sufficient = np.array([estimate.sufficient[0] for estimate in estimates])
    came = (own.score[:, 1] >= own.score[:, 2]).astype(float)
    assert sufficient[agreeing].min() > sufficient[~agreeing].max()
    assert sufficient.mean() == pytest.approx(came.mean(), abs=0.02)


def test_too_few_labels_accept_nothing() -> None:
    few = trained(cascade_outcomes(290))
    assert set(few.model.bars.values()) == {NEVER}


def test_a_file_without_answers_is_refused() -> None:
    with pytest.raises(DataError, match="a cascade cannot be trained") as raised:
        trained(cascade_outcomes(50, answers=False))
    assert "answer_<tier>" in raised.value.hint


def test_an_untuned_quality_is_refused(made: TrainedAccept) -> None:
    with pytest.raises(DataError, match=r"not tuned for quality 0\.5"):
        Cascade(made.model).decide(cascade_outcomes(5), "0.5")
