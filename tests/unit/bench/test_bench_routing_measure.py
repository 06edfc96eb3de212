"""The figures of the routing benchmark, on outcomes with known figures."""

from dataclasses import replace

import numpy as np
import pytest

from pointsman.bench.routing.calibration import calibration
from pointsman.bench.routing.measure import by_task, of_choice
from pointsman.bench.routing.routellm import protocol
from pointsman.bench.routing.sources.data import parse
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.bench.routing.ways import baselines
from pointsman.learn.decide import Estimates


def _known(count: int = 100) -> TierAnswers:
    """Small is right for every second question, frontier always; a call costs $0.001 and $0.01."""
    return parse(
        {
            "prompt": [f"question {at}" for at in range(count)],
            "task": ["even" if at % 2 else "odd" for at in range(count)],
            "score_small": [at % 2 for at in range(count)],
            "score_frontier": [1] * count,
            "cost_small": [0.001] * count,
            "cost_frontier": [0.01] * count,
        },
        "known",
        "",
    )


def test_the_figures_of_always_small() -> None:
    figures = of_choice(_known(), np.zeros(100, dtype=int))
    assert figures["usd_per_1000"] == pytest.approx(1.0)
    assert figures["saved"] == pytest.approx(0.9)
    assert figures["quality"] == 0.5
    assert figures["shares"] == {"small": 1.0, "frontier": 0.0}
    low, high = figures["quality_interval"]
    assert low < figures["quality_at_least"] < 0.5 < high


def test_always_the_strongest_is_exactly_itself() -> None:
    figures = of_choice(_known(), np.ones(100, dtype=int))
    assert (figures["saved"], figures["quality"], figures["quality_interval"]) == (0.0, 1.0, [1.0, 1.0])


def test_a_price_change_changes_what_is_saved() -> None:
    figures = of_choice(_known(), np.zeros(100, dtype=int), np.array([1.0, 0.5]))
    assert figures["saved"] == pytest.approx(0.8)


def test_tasks_are_reported_separately() -> None:
    figures = by_task(_known(), np.zeros(100, dtype=int))
    assert {task: of_task["quality"] for task, of_task in figures.items()} == {"even": 1.0, "odd": 0.0}


def test_the_oracle_is_right_at_the_least_cost() -> None:
    figures = baselines(_known(), _known(), 0.99)
    assert figures["oracle"]["quality"] == 1.0
    assert figures["oracle"]["saved"] == pytest.approx(0.45)
    assert figures["best static mix"]["quality"] == pytest.approx(0.99)
    assert figures["best static mix"]["saved"] == pytest.approx(0.018)


def test_apgr_of_a_perfect_and_of_the_worst_router() -> None:
    weak, strong = np.array([0.0, 1.0] * 50), np.ones(100)
    best = protocol(1 - weak, weak, strong)
    assert (best["apgr"], best["cpt50"], best["cpt80"]) == (0.75, 0.25, 0.4)
    assert protocol(weak, weak, strong)["apgr"] == 0.25


def test_perfect_probabilities_have_no_calibration_error() -> None:
    outcomes = _known()
    probabilities = np.column_stack([outcomes.sufficient[:, 0], np.ones(100)])
    estimates = Estimates(probabilities, probabilities * 0, probabilities, np.ones(100))
    figures = calibration(outcomes, estimates)["small"]
    assert (figures["ece"], figures["brier"], figures["at"]["0.9"]) == (
        0.0,
        0.0,
        {"coverage": 0.5, "accuracy": 1.0},
    )


def test_chance_causes_calibration_error_that_shrinks_with_more_questions() -> None:
    chance = np.random.RandomState(5)
    by_chance = {}
    for count in (200, 5_000):
        probabilities = chance.uniform(0.3, 0.9, count)
        came = chance.rand(count) < probabilities
        outcomes = replace(_known(count), score=np.stack([came, np.ones(count)], axis=1).astype(float))
        both = np.stack([probabilities, np.ones(count)], axis=1)
        figures = calibration(outcomes, Estimates(both, both * 0, both, np.ones(count)))["small"]
        by_chance[count] = figures["ece_by_chance"]
        assert figures["ece"] <= 1.5 * figures["ece_by_chance"]["at_most"]
    assert by_chance[5_000]["at_most"] < 0.03 < by_chance[200]["mean"]


def test_an_apgr_has_an_interval_around_it_and_a_narrow_one_for_many_questions() -> None:
    chance = np.random.RandomState(5)
    width = {}
    for count in (200, 5_000):
        weak = (chance.rand(count) < 0.5).astype(float)
        figures = protocol(chance.rand(count) - weak / 2, weak, np.ones(count))
        low, high = figures["apgr_interval"]
        assert low < figures["apgr"] < high
        width[count] = high - low
    assert width[5_000] < width[200] / 3
