"""How well the predicted probabilities match the outcomes."""

import numpy as np

from pointsman.bench.routing.measure import Figures
from pointsman.bench.routing.sources.outcomes import Floats, TierAnswers
from pointsman.learn.decide import Estimates
from pointsman.learn.examples import Ints

AT = (0.8, 0.9, 0.95)
_BINS = 10
_DRAWS = 500


def calibration(outcomes: TierAnswers, estimates: Estimates) -> dict[str, Figures]:
    """Return by weaker tier: ECE over ten equal bins, Brier score, and coverage and accuracy at each level.

    The ECE is accompanied by what chance alone causes: the mean and the 95 % quantile of the ECE that a
    perfectly calibrated score would have on the same number of questions.
    """
    came = outcomes.sufficient
    return {
        tier: _of(estimates.sufficient[:, at], came[:, at]) for at, tier in enumerate(outcomes.tiers[:-1])
    }


def _of(predicted: Floats, came: Floats) -> Figures:
    parts = _bins(predicted)
    chance = np.random.RandomState(1)
    exact = [_ece(predicted, (chance.rand(len(predicted)) < predicted).astype(float)) for _ in range(_DRAWS)]
    return {
        "ece": round(_ece(predicted, came), 4),
        "ece_by_chance": {
            "mean": round(float(np.mean(exact)), 4),
            "at_most": round(float(np.quantile(exact, 0.95)), 4),
        },
        "brier": round(float(((predicted - came) ** 2).mean()), 4),
        "brier_of_the_mean": round(float(came.mean() * (1 - came.mean())), 4),
        "bins": [
            [round(float(predicted[part].mean()), 4), round(float(came[part].mean()), 4)] for part in parts
        ],
        "at": {
            str(level): {
                "coverage": round(float((predicted >= level).mean()), 4),
                "accuracy": round(float(came[predicted >= level].mean()), 4)
                if (predicted >= level).any()
                else None,
            }
            for level in AT
        },
    }


def _bins(predicted: Floats) -> list[Ints]:
    order = np.argsort(predicted, kind="stable")
    return [part for part in np.array_split(order, _BINS) if len(part)]


def _ece(predicted: Floats, came: Floats) -> float:
    gaps = [len(part) * abs(predicted[part].mean() - came[part].mean()) for part in _bins(predicted)]
    return float(sum(gaps) / len(predicted))


def to_people(outcomes: TierAnswers, estimates: Estimates, chosen: Ints) -> dict[str, float]:
    """Return the share of jobs that go to a person, by the confidence required of the chosen tier."""
    predicted = estimates.sufficient[np.arange(len(outcomes)), chosen]
    return {str(level): round(float((predicted < level).mean()), 4) for level in AT}
