"""What needs no router, and what no router can pass."""

import numpy as np

from pointsman.bench.routing.measure import Figures, of_choice, of_mix
from pointsman.bench.routing.sources.examples import costs
from pointsman.bench.routing.sources.outcomes import TierAnswers


def baselines(train: TierAnswers, test: TierAnswers, wanted: float = 0.99) -> dict[str, Figures]:
    """Always each tier; a random mix and the best static mix that reach `wanted` on `train`; the oracle."""
    n, tiers = len(test), len(test.tiers)
    figures = {f"always {tier}": of_choice(test, np.full(n, at)) for at, tier in enumerate(test.tiers)}
    figures["random mix, cheapest and strongest"] = of_mix(test, np.tile(_mix(train, [0], wanted), (n, 1)))
    mixes = [_mix(train, [at], wanted) for at in range(tiers - 1)]
    best = min(mixes, key=lambda share: float((share * costs(train)).sum()))
    figures["best static mix"] = of_mix(test, np.tile(best, (n, 1)))
    sufficient = test.score >= test.score[:, -1:]
    figures["oracle"] = of_choice(test, np.argmax(sufficient, axis=1))
    return figures


def _mix(train: TierAnswers, weaker: list[int], wanted: float) -> np.ndarray:
    """[t] chances: as much of a weaker tier as keeps `wanted` of the strongest's quality."""
    share = np.zeros(len(train.tiers))
    kept = train.score[:, weaker[0]].sum() / max(train.score[:, -1].sum(), 1e-9)
    of_weaker = 1.0 if kept >= wanted else (1 - wanted) / (1 - kept)
    share[weaker[0]] = of_weaker
    share[-1] += 1 - of_weaker
    return share
