"""The routing benchmark compares cascade, second opinion and score in one table."""

from typing import Any

import numpy as np
import pytest

from pointsman.bench.routing.measure import table
from pointsman.bench.routing.router import trained
from pointsman.bench.routing.sources.outcomes import DataError
from pointsman.bench.routing.ways import CASCADE, OPINION, over_splits, rows, ways
from pointsman.opinion.embed import SIZE, Vectors
from tests.support.worker.cascade_outcomes import cascade_outcomes

TRAIN, TEST = cascade_outcomes(400), cascade_outcomes(200, seed=5)


def flat(texts: Any) -> Vectors:
    """Vectors without information."""
    vectors = np.zeros((len(texts), SIZE), np.float32)
    vectors[:, 0] = 1.0
    return vectors


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    return ways(trained(TRAIN), TRAIN, [], TEST, flat)


def test_both_ways_have_the_figures_of_every_router(measured: dict[str, dict[str, Any]]) -> None:
    assert set(measured) == {OPINION, CASCADE}
    named = rows(measured)
    assert f"{CASCADE}, quality 0.99" in named
    assert all(len(row) == 5 for row in table(named))
    for figures in named.values():
        assert sum(figures["shares"].values()) == pytest.approx(1.0, abs=1e-4)
        assert tuple(figures["shares"]) == TEST.tiers


def test_with_uninformative_prompts_only_the_cascade_saves(measured: dict[str, dict[str, Any]]) -> None:
    assert measured[CASCADE]["0.99"]["saved"] > 0.15
    assert measured[OPINION]["0.99"]["saved"] < 0.05


def test_other_splits_count_how_often_the_target_was_met(measured: dict[str, dict[str, Any]]) -> None:
    low = {CASCADE: {"0.99": {"saved": 0.5, "quality": 0.98}}}
    high = {CASCADE: {"0.99": {"saved": 0.25, "quality": 0.99}}}
    counted = over_splits([low, high], ("0.99",))[CASCADE]["0.99"]
    assert (counted["met"], counted["splits"]) == (1, 2)
    assert (counted["saved"], counted["quality"]) == (0.375, 0.985)
    assert over_splits([], ("0.99",)) == {}


def test_without_vectors_or_answers_there_are_no_such_rows() -> None:
    bare, test = cascade_outcomes(300, answers=False), cascade_outcomes(50, seed=6, answers=False)
    assert ways(trained(bare), bare, [], test, None) == {}


def test_questions_in_both_splits_are_refused() -> None:
    with pytest.raises(DataError, match="400 questions"):
        ways(trained(TRAIN), TRAIN, [], TRAIN, None)
