"""Vectorised decisions equal single ones, and tuning reaches the lower bound."""

import numpy as np
import pytest

from pointsman.learn.calibrate import calibrate, level
from pointsman.learn.decide import Estimates, decide
from pointsman.learn.tune import NEVER, tune
from pointsman.score.choose import choose
from pointsman.score.estimate import Bar, Estimate

TIERS = ("small", "mid", "frontier")


def _drawn(count: int, seed: int) -> list[Estimate]:
    draw = np.random.RandomState(seed)
    return [
        Estimate(
            (*draw.random_sample(2).round(2), 1.0),
            (*(draw.random_sample(2) * 0.2).round(2), 0.0),
            tuple(draw.random_sample(3).round(2)),
            float(draw.random_sample().__round__(2)),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("bar", [Bar(0.0, 0.0), Bar(0.05, 0.0), Bar(0.7, 0.0), Bar(0.0, 0.1), NEVER])
@pytest.mark.parametrize("prices", [None, (1.0, 2.0, 0.5)])
def test_many_decisions_are_the_same_as_one_by_one(bar: Bar, prices: tuple[float, ...] | None) -> None:
    drawn = _drawn(300, seed=4)
    one_by_one = [choose(estimate, bar, TIERS, floor=0.2, prices=prices).tier for estimate in drawn]
    at_once = decide(Estimates.of(drawn), bar, 0.2, None if prices is None else np.array(prices))
    assert [TIERS[at] for at in at_once] == one_by_one


def _outcomes(count: int, lost: float) -> tuple[Estimates, np.ndarray, np.ndarray]:
    """All cheap answers look alike; a share of `lost` of them is worse than the strongest tier's."""
    draw = np.random.RandomState(1)
    looks = Estimate((0.9, 1.0), (0.0, 0.0), (0.1, 1.0), 1.0)
    right = (draw.random_sample(count) >= lost).astype(float)
    return (
        Estimates.of([looks] * count),
        np.column_stack([right, np.ones(count)]),
        np.tile([0.1, 1.0], (count, 1)),
    )


def test_the_bar_is_never_reached_where_the_quality_is_not() -> None:
    assert tune(*_outcomes(2_000, lost=0.02), floor=0.0, qualities=["0.99"]) == {"0.99": NEVER}


def test_it_is_tuned_for_the_lower_bound_and_not_for_the_mean() -> None:
    estimates, score, cost = _outcomes(500, lost=0.0)
    score[:5, 0] = 0.0  # 99 % on average, which half of the bootstrap's samples miss
    assert score[:, 0].mean() == 0.99
    assert tune(estimates, score, cost, floor=0.0, qualities=["0.99"]) == {"0.99": NEVER}
    assert tune(estimates, score, cost, floor=0.0, qualities=["0.98"])["0.98"].rate > 0


def test_calibration_finds_the_line() -> None:
    draw = np.random.RandomState(2)
    logits = draw.normal(0, 2, 20_000)
    came = (draw.random_sample(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(float)
    slope, offset = calibrate(logits, came)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1, abs=0.06)


def test_calibration_with_few_rows_stays_near_the_predictions() -> None:
    slope, _ = calibrate(np.array([-1.0, 1.0]), np.array([1.0, 0.0]))
    assert slope > 0


def test_costs_are_replaced_by_their_mean() -> None:
    predicted = np.log(np.array([1.0, 2.0, 3.0]))
    _, offset = level(predicted, np.array([2.0, 4.0, 6.0]))
    assert np.exp(predicted + offset).mean() == pytest.approx(4.0)
