"""The cheapest tier that is likely enough; ties, doubt and NaN choose a higher one."""

import math
from dataclasses import replace
from typing import Any

import pytest

from pointsman.score.choose import choose
from pointsman.score.estimate import Bar, Estimate

TIERS = ("small", "mid", "frontier")
SURE = Estimate((0.97, 0.99, 1.0), (0.0, 0.0, 0.0), (0.02, 0.1, 1.0), 1.0)
#: A tier may lose 5 points for one unit saved.
BAR = Bar(rate=0.05, margin=0.0)


def test_the_cheapest_tier_that_is_sure_enough_is_chosen() -> None:
    assert choose(replace(SURE, sufficient=(0.99, 0.99, 1.0)), BAR, TIERS, floor=0.5).tier == "small"


def test_savings_must_outweigh_the_loss_in_quality() -> None:
    assert choose(SURE, BAR, TIERS, floor=0.5).tier == "mid"  # small loses two points more and saves 0.08


def test_a_tie_chooses_the_higher_tier() -> None:
    tied = Estimate((0.5, 0.75, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 1.0)
    bar = Bar(rate=0.25, margin=0.0)  # what mid loses is exactly what it may lose
    assert choose(tied, bar, TIERS, floor=0.5).tier == "frontier"
    assert (
        choose(replace(tied, sufficient=(0.5, math.nextafter(0.75, 1), 1.0)), bar, TIERS, floor=0.5).tier
        == "mid"
    )


@pytest.mark.parametrize("field", ["sufficient", "better", "cost"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_chooses_the_higher_tier(field: str, value: float) -> None:
    for at in range(3):
        numbers = list(getattr(SURE, field))
        numbers[at] = value
        broken: dict[str, Any] = {field: tuple(numbers)}
        choice = choose(replace(SURE, **broken), BAR, TIERS, floor=0.5)
        assert choice.tier == "frontier"
        assert choice.undecided == "the score is not a number"


@pytest.mark.parametrize("known", [0.49, 0.0, math.nan])
def test_unfamiliar_text_chooses_the_highest_tier_with_a_reason(known: float) -> None:
    choice = choose(replace(SURE, known=known), BAR, TIERS, floor=0.5)
    assert choice.tier == "frontier"
    assert "unfamiliar text" in str(choice.undecided)


def test_the_strongest_tier_that_is_allowed_is_the_last_resort() -> None:
    unsure = replace(SURE, sufficient=(0.1, 0.2, 1.0))
    assert choose(unsure, BAR, TIERS, floor=0.5, allowed={"small", "mid"}).tier == "mid"
    assert choose(replace(SURE, known=0.0), BAR, TIERS, floor=0.5, allowed={"small"}).tier == "small"
    with pytest.raises(ValueError, match="none of the tiers"):
        choose(SURE, BAR, TIERS, floor=0.5, allowed=())


def test_only_the_proportions_of_prices_count() -> None:
    plain = choose(SURE, BAR, TIERS, floor=0.5)
    assert choose(SURE, BAR, TIERS, floor=0.5, prices=(2.0, 2.0, 2.0)) == plain


def test_a_more_expensive_strongest_tier_sends_more_jobs_lower() -> None:
    unsure = replace(SURE, sufficient=(0.1, 0.96, 1.0))
    dear_mid = (1.0, 4.0, 1.0)
    assert choose(unsure, BAR, TIERS, floor=0.5).tier == "mid"
    assert choose(unsure, BAR, TIERS, floor=0.5, prices=dear_mid).tier == "frontier"


def test_each_comparison_is_recorded() -> None:
    choice = choose(SURE, BAR, TIERS, floor=0.5)
    assert [comparison.tier for comparison in choice.compared] == ["small", "mid"]
    assert [comparison.reached for comparison in choice.compared] == [False, True]
    assert choice.sufficient == 0.99
