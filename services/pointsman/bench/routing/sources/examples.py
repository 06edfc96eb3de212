"""Turn outcomes into examples to train a score on."""

from typing import Any

import numpy as np

from pointsman.bench.routing.sources.outcomes import Floats, TierAnswers
from pointsman.learn.examples import Examples

#: Weight of a question from other work, relative to one of the user's own.
OTHERS = 0.15
#: Without costs in the file, a tier is assumed to cost this share of the next stronger one.
ASSUMED = 0.01


def costs(outcomes: TierAnswers) -> Floats:
    """[n, t] costs in US dollars; if the file has none, in units of a call to the strongest tier."""
    tiers = len(outcomes.tiers)
    assumed = ASSUMED ** np.arange(tiers - 1, -1, -1)
    return np.where(np.isfinite(outcomes.cost), outcomes.cost, assumed)


def origin(*sources: TierAnswers) -> dict[str, Any]:
    """Return what a model's file records about its training data."""
    return {"files": {of.name: {"sha256": of.sha256, "questions": len(of)} for of in sources}}


def examples(own: TierAnswers, *others: TierAnswers) -> Examples:
    """Return examples: `own` for training, calibration and tuning, `others` for training only."""
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
