"""Makes many decisions at once, as `score.choose` makes one."""

from dataclasses import dataclass

import numpy as np

from pointsman.learn.examples import Floats, Ints
from pointsman.score.estimate import Bar, Estimate


@dataclass(frozen=True)
class Estimates:
    """The fields of `Estimate` as arrays: [n, t] each, `known` [n]."""

    sufficient: Floats
    better: Floats
    cost: Floats
    known: Floats

    @classmethod
    def of(cls, estimates: list[Estimate]) -> "Estimates":
        return cls(
            np.array([estimate.sufficient for estimate in estimates]),
            np.array([estimate.better for estimate in estimates]),
            np.array([estimate.cost for estimate in estimates]),
            np.array([estimate.known for estimate in estimates]),
        )

    def take(self, rows: Ints) -> "Estimates":
        return Estimates(self.sufficient[rows], self.better[rows], self.cost[rows], self.known[rows])


def decide(estimates: Estimates, bar: Bar, floor: float, prices: Floats | None = None) -> Ints:
    """Return [n] the index of the chosen tier."""
    cost = estimates.cost if prices is None else estimates.cost * prices / prices[-1]
    tiers = cost.shape[1]
    chosen = np.full(len(cost), tiers - 1, dtype=np.intp)
    best = np.zeros(len(cost))
    for at in range(tiers - 2, -1, -1):
        spared = bar.rate * (cost[:, -1] - cost[:, at])
        required = 1.0 - estimates.better[:, at] - spared + bar.margin + best
        reached = estimates.sufficient[:, at] > required
        chosen[reached] = at
        best = np.where(reached, best + (estimates.sufficient[:, at] - required), best)
    chosen[~(estimates.known >= floor)] = tiers - 1
    return chosen
