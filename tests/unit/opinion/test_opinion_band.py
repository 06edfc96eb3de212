"""Only undecided jobs get a second opinion, and NaN never raises a job's chances."""

from math import isnan, nan

import pytest

from pointsman.opinion.band import together, undecided
from pointsman.score.choose import Compared, TierChoice, choose
from pointsman.score.estimate import Bar, Estimate


def choice(sufficient: float, required: float, doubt: str | None = None) -> TierChoice:
    return TierChoice("mid", (Compared("mid", sufficient, required),), doubt)


def test_a_choice_within_the_band_gets_an_opinion() -> None:
    assert undecided(choice(0.84, 0.80), 0.05)
    assert undecided(choice(0.80, 0.84), 0.05)
    assert not undecided(choice(0.90, 0.80), 0.05)
    assert not undecided(choice(0.70, 0.80), 0.05)


def test_unknown_texts_stay_with_the_strongest_tier() -> None:
    assert not undecided(choice(0.80, 0.80, "unfamiliar text"), 1.0)
    assert not undecided(TierChoice("frontier", ()), 1.0)
    assert not undecided(choice(nan, 0.8), 1.0)


def test_both_together_are_the_mean_and_know_what_the_first_knows() -> None:
    first = Estimate((0.5, 1.0), (0.1, 0.0), (0.2, 1.0), 0.9)
    second = Estimate((0.75, 1.0), (0.3, 0.0), (0.4, 2.0), 0.1)
    both = together(first, second)
    assert both.sufficient == (0.625, 1.0)
    assert both.better == (0.2, 0.0)
    assert both.cost == pytest.approx((0.3, 1.5))
    assert both.known == 0.9


def test_an_opinion_of_nan_escalates() -> None:
    sure = Estimate((1.0, 1.0), (0.0, 0.0), (0.0, 1.0), 1.0)
    broken = Estimate((nan, 1.0), (0.0, 0.0), (0.0, 1.0), 1.0)
    both = together(sure, broken)
    assert isnan(both.sufficient[0])
    assert choose(both, Bar(9.0, 0.0), ("small", "frontier"), floor=0.0).tier == "frontier"


def test_estimates_of_other_tiers_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and of 1 tiers"):
        together(Estimate((1.0, 1.0), (0.0, 0.0), (0.0, 1.0), 1.0), Estimate((1.0,), (0.0,), (1.0,), 1.0))
