"""Estimates the value of a newly trained model from out-of-fold predictions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pointsman.learn.accept import Cascades, TrainedAccept
from pointsman.learn.decide import decide
from pointsman.learn.examples import Examples, Floats
from pointsman.learn.train import Trained

SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Expected:
    """Shares relative to the strongest tier alone; `low`, `high`: 10 and 90 % quantiles of a bootstrap."""

    quality: float
    low: float
    high: float
    saved: float
    tiers: Mapping[str, float]


def expected(trained: Trained, examples: Examples, quality: str) -> Expected:
    """Return how the score would have done on the own examples, from out-of-fold estimates."""
    own = examples.take(trained.rows)
    chosen = decide(trained.estimates, trained.model.bars[quality], trained.model.floor)
    every = np.arange(len(own))
    return _expected(
        own.score[every, chosen],
        own.score[:, -1],
        float(1 - own.cost[every, chosen].sum() / own.cost[:, -1].sum()),
        {tier: float((chosen == at).mean()) for at, tier in enumerate(own.tiers)},
    )


def expected_cascade(trained: TrainedAccept, cascades: Cascades, quality: str) -> Expected:
    """Return how accepting would have done on the own questions, likewise; every call counts in the cost.

    `tiers`: the shares of accepted and of escalated answers.
    """
    chosen = decide(trained.estimates, trained.model.bars[quality], 0.0)
    every, score, cost = np.arange(len(chosen)), cascades.score[trained.rows], cascades.cost[trained.rows, 2]
    up = float((chosen == 1).mean())
    return _expected(
        score[:, 1:][every, chosen],
        score[:, 2],
        float(1 - cascades.charged[trained.rows][every, chosen].sum() / cost.sum()),
        {cascades.tiers[1]: 1 - up, cascades.tiers[2]: up},
    )


def _expected(scores: Floats, best: Floats, saved: float, tiers: Mapping[str, float]) -> Expected:
    n = len(scores)
    drawn = np.random.RandomState(7).multinomial(n, np.full(n, 1 / n), size=SAMPLES)
    ratios = (drawn @ scores) / np.maximum(drawn @ best, 1e-9)
    return Expected(
        float(scores.sum() / max(best.sum(), 1e-9)),
        float(np.quantile(ratios, 0.1)),
        float(np.quantile(ratios, 0.9)),
        saved,
        tiers,
    )
