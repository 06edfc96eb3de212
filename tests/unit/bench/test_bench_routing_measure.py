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
    found = of_choice(_known(), np.zeros(100, dtype=int))
    assert found["usd_per_1000"] == pytest.approx(1.0)
    assert found["saved"] == pytest.approx(0.9)
    assert found["quality"] == 0.5
    assert found["shares"] == {"small": 1.0, "frontier": 0.0}
    low, high = found["quality_interval"]
    assert low < found["quality_at_least"] < 0.5 < high


def test_always_the_strongest_is_exactly_itself() -> None:
    found = of_choice(_known(), np.ones(100, dtype=int))
    assert (found["saved"], found["quality"], found["quality_interval"]) == (0.0, 1.0, [1.0, 1.0])


def test_a_price_change_changes_what_is_saved() -> None:
    found = of_choice(_known(), np.zeros(100, dtype=int), np.array([1.0, 0.5]))
    assert found["saved"] == pytest.approx(0.8)


def test_tasks_are_reported_separately() -> None:
    found = by_task(_known(), np.zeros(100, dtype=int))
    assert {task: each["quality"] for task, each in found.items()} == {"even": 1.0, "odd": 0.0}


def test_the_oracle_is_right_at_the_least_cost() -> None:
    found = baselines(_known(), _known(), 0.99)
    assert found["oracle"]["quality"] == 1.0
    assert found["oracle"]["saved"] == pytest.approx(0.45)
    assert found["best static mix"]["quality"] == pytest.approx(0.99)
    assert found["best static mix"]["saved"] == pytest.approx(0.018)


def test_apgr_of_a_perfect_and_of_the_worst_router() -> None:
    weak, strong = np.array([0.0, 1.0] * 50), np.ones(100)
    best = protocol(1 - weak, weak, strong)
    assert (best["apgr"], best["cpt50"], best["cpt80"]) == (0.75, 0.25, 0.4)
    assert protocol(weak, weak, strong)["apgr"] == 0.25


def test_perfect_probabilities_have_no_calibration_error() -> None:
    outcomes = _known()
    said = np.column_stack([outcomes.sufficient[:, 0], np.ones(100)])
    estimates = Estimates(said, said * 0, said, np.ones(100))
    found = calibration(outcomes, estimates)["small"]
    assert (found["ece"], found["brier"], found["at"]["0.9"]) == (
        0.0,
        0.0,
        {"coverage": 0.5, "accuracy": 1.0},
    )


def test_chance_causes_calibration_error_that_shrinks_with_more_questions() -> None:
    chance = np.random.RandomState(5)
    by_chance = {}
    for count in (200, 5_000):
        said = chance.uniform(0.3, 0.9, count)
        came = chance.rand(count) < said
        outcomes = replace(_known(count), score=np.stack([came, np.ones(count)], axis=1).astype(float))
        both = np.stack([said, np.ones(count)], axis=1)
        found = calibration(outcomes, Estimates(both, both * 0, both, np.ones(count)))["small"]
        by_chance[count] = found["ece_by_chance"]
        assert found["ece"] <= 1.5 * found["ece_by_chance"]["at_most"]
    assert by_chance[5_000]["at_most"] < 0.03 < by_chance[200]["mean"]


def test_an_apgr_has_an_interval_around_it_and_a_narrow_one_for_many_questions() -> None:
    chance = np.random.RandomState(5)
    width = {}
    for count in (200, 5_000):
        weak = (chance.rand(count) < 0.5).astype(float)
        found = protocol(chance.rand(count) - weak / 2, weak, np.ones(count))
        low, high = found["apgr_interval"]
        assert low < found["apgr"] < high
        width[count] = high - low
    assert width[5_000] < width[200] / 3
