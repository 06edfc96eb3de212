"""Finds the bar for a required quality: the cheapest whose lower bound of the quality reaches it."""

from collections.abc import Iterable

import numpy as np

from pointsman.learn.decide import Estimates, decide
from pointsman.learn.examples import Floats
from pointsman.score.estimate import Bar

#: As written in a policy.
QUALITIES = ("0.97", "0.98", "0.985", "0.99", "0.995", "1.0")
#: Share of bootstrap samples that may miss the quality.
DOUBT = 0.1
SAMPLES = 1_000
#: With fewer labels nothing is tuned: the strongest tier does everything.
LEAST_LABELS = 300
#: A bar that is never reached: no tier can be better than the strongest by a whole point.
NEVER = Bar(0.0, 2.0)


def grid() -> Iterable[Bar]:
    """Yield bars from the strictest to the loosest."""
    for margin in np.geomspace(0.2, 0.001, 24):
        yield Bar(0.0, round(float(margin), 6))
    for rate in np.geomspace(0.0005, 1.0, 100):
        yield Bar(round(float(rate), 6), 0.0)


def tune(
    estimates: Estimates, score: Floats, cost: Floats, floor: float, qualities: Iterable[str] = QUALITIES
) -> dict[str, Bar]:
    """Return for each quality the bar that saves most on these `estimates`; `NEVER` if none reaches it.

    `score` and `cost` [n, t]: the actual outcomes. The estimates must be out of fold.
    """
    n = len(score)
    if n < LEAST_LABELS:
        return dict.fromkeys(qualities, NEVER)
    drawn = np.random.RandomState(20240701).multinomial(n, np.full(n, 1 / n), size=SAMPLES).astype(np.float32)
    strongest = drawn @ score[:, -1]
    every = np.arange(n)
    candidates: list[tuple[float, float, Bar]] = []
    for bar in grid():
        chosen = decide(estimates, bar, floor)
        ratios = (drawn @ score[every, chosen]) / np.maximum(strongest, 1e-9)
        candidates.append((float(np.quantile(ratios, DOUBT)), float(cost[every, chosen].sum()), bar))
    dearest = float(cost[:, -1].sum())
    bars = {}
    for quality in qualities:
        reaching = [
            (spent, at)
            for at, (bound, spent, _) in enumerate(candidates)
            if bound >= float(quality) and spent < dearest
        ]
        bars[quality] = candidates[min(reaching)[1]][2] if reaching else NEVER
    return bars
