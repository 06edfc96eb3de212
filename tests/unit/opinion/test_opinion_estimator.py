"""The opinion model learns what words do not show, is reproducible, and is refused if damaged."""

import numpy as np
import pytest

from pointsman.learn.opinion import TrainedOpinion, fit
from pointsman.learn.tune import NEVER
from pointsman.opinion.model_file import parse
from pointsman.opinion.surface import SIZE, surface
from pointsman.score.sealed import ModelFileError
from tests.support.router.opinion_examples import RECIPE, work


@pytest.fixture(scope="module")
def made() -> TrainedOpinion:
    of = work()
    return fit(of.examples, of.vectors, of.first, name="test", recipe=RECIPE)


def test_it_distinguishes_easy_from_hard_texts_with_the_same_words(made: TrainedOpinion) -> None:
    other = work(100, seed=2)
    surfaces = np.array([surface(text) for text in other.examples.texts])
    estimates = made.model.estimates(other.vectors, surfaces)
    middle = np.array([estimate.sufficient[1] for estimate in estimates])
    assert middle[other.easy].min() > 0.85
    assert middle[~other.easy].max() < 0.5
    assert all(estimate.sufficient[-1] == 1.0 and estimate.better[-1] == 0.0 for estimate in estimates)


def test_the_bars_are_for_the_mean_with_the_first_score_it_was_tuned_beside(made: TrainedOpinion) -> None:
    assert made.model.score_version == "0" * 12
    assert np.allclose(made.joined.sufficient[:, 1], (made.alone.sufficient[:, 1] + 0.6) / 2)
    assert made.model.bars["0.99"] != NEVER


def test_training_twice_gives_the_same_bytes(made: TrainedOpinion) -> None:
    of = work()
    assert fit(of.examples, of.vectors, of.first, name="test", recipe=RECIPE).content == made.content


def test_too_few_labels_tune_nothing() -> None:
    few = work(299)
    made = fit(few.examples, few.vectors, few.first, name="test", recipe=RECIPE)
    assert set(made.model.bars.values()) == {NEVER}


def test_texts_far_from_all_landmarks_are_unknown(made: TrainedOpinion) -> None:
    far = np.zeros((1, 384), np.float32)
    far[0, 7] = 1.0
    strange = made.model.estimates(far, surface("x" * 20_000 + "\n" * 500 + "?")[None])
    usual = made.model.estimates(work().vectors[:1], surface("question 0")[None])
    assert strange[0].known < 0.5 < usual[0].known


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (lambda content: b"", "not JSON"),
        (lambda content: b'{"format": "x"}', "its form is 'x'"),
        (lambda content: content.replace(b'"name":"test"', b'"name":"tset"'), "damaged"),
    ],
)
def test_other_bytes_are_refused_with_a_reason(made: TrainedOpinion, changed, expected) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelFileError, match=expected):
        parse(changed(made.content))


def test_the_surface_of_any_text_is_finite() -> None:
    for text in ("", "?", "\n" * 50_000, "1" * 50_000, "What?\nA. one\nB. two"):
        assert np.isfinite(surface(text)).all()
        assert surface(text).shape == (SIZE,)
