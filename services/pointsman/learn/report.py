"""What a score that was just trained is worth, on examples it has not been trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pointsman.learn.decide import decide
from pointsman.learn.examples import Examples
from pointsman.learn.train import Trained

SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Expected:
    """Shares of what the strongest tier alone would be; `low`, `high`: 10 and 90 % of its bootstrap."""

    quality: float
    low: float
    high: float
    saved: float
    tiers: Mapping[str, float]


def expected(trained: Trained, examples: Examples, quality: str) -> Expected:
    """What the score would have done to the own examples, each estimated by a model that has not seen it."""
    own = examples.take(trained.rows)
    chosen = decide(trained.estimates, trained.model.bars[quality], trained.model.floor)
    every = np.arange(len(own))
    got, best = own.score[every, chosen], own.score[:, -1]
    drawn = np.random.RandomState(7).multinomial(len(own), np.full(len(own), 1 / len(own)), size=SAMPLES)
    ratios = (drawn @ got) / np.maximum(drawn @ best, 1e-9)
    spent, dearest = own.cost[every, chosen].sum(), own.cost[:, -1].sum()
    return Expected(
        float(got.sum() / max(best.sum(), 1e-9)),
        float(np.quantile(ratios, 0.1)),
        float(np.quantile(ratios, 0.9)),
        float(1 - spent / dearest),
        {tier: float((chosen == at).mean()) for at, tier in enumerate(own.tiers)},
    )
