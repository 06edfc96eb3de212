"""Outcomes as examples to train a score on."""

from typing import Any

import numpy as np

from pointsman.bench.routing.sources.outcomes import Floats, TierAnswers
from pointsman.learn.examples import Examples

#: How much a question of other work counts beside one of the own.
OTHERS = 0.15
#: Where a file has no costs a tier is taken to cost this share of the next stronger one.
ASSUMED = 0.01


def costs(outcomes: TierAnswers) -> Floats:
    """[n, t] US dollars; where the file has none, the strongest tier's call is the unit."""
    tiers = len(outcomes.tiers)
    assumed = ASSUMED ** np.arange(tiers - 1, -1, -1)
    return np.where(np.isfinite(outcomes.cost), outcomes.cost, assumed)


def origin(*sources: TierAnswers) -> dict[str, Any]:
    """What a model's file says of what it was trained on."""
    return {"files": {of.name: {"sha256": of.sha256, "questions": len(of)} for of in sources}}


def examples(own: TierAnswers, *others: TierAnswers) -> Examples:
    """`own` to train, calibrate and tune on; `others` to train on only."""
    made = _of(own, 1.0, True)
    for other in others:
        if len(other):
            made = made.join(_of(other, OTHERS, False))
    return made


def _of(outcomes: TierAnswers, weight: float, own: bool) -> Examples:
    n = len(outcomes)
    return Examples(
        outcomes.tiers,
        outcomes.prompts,
        outcomes.stems,
        outcomes.score,
        costs(outcomes),
        np.full(n, weight),
        np.full(n, own),
    )
