"""The cost and quality of a way to choose tiers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pointsman.bench.routing.sources.examples import costs
from pointsman.bench.routing.sources.outcomes import Floats, TierAnswers
from pointsman.learn.examples import Ints

Figures = dict[str, Any]
SAMPLES = 2_000


def of_choice(outcomes: TierAnswers, chosen: Ints, prices: Floats | None = None) -> Figures:
    """Return the figures for one chosen tier (its index) per question."""
    share = np.zeros((len(outcomes), len(outcomes.tiers)))
    share[np.arange(len(outcomes)), chosen] = 1.0
    return of_mix(outcomes, share, prices)


def of_mix(outcomes: TierAnswers, share: Floats, prices: Floats | None = None) -> Figures:
    """Return the expected figures for [n, t] probabilities of choosing each tier.

    `saved` and `quality` are relative to always using the strongest tier. The 95 % interval is from a paired
    bootstrap over questions; `quality_at_least` is the quality that 90 % of its samples reach.
    """
    cost = costs(outcomes) * (1.0 if prices is None else prices)
    spent, dearest = (share * cost).sum(1), cost[:, -1]
    points, best = (share * outcomes.score).sum(1), outcomes.score[:, -1]
    kept, saved = _resampled(points, best), 1 - _resampled(spent, dearest)
    low, bound, high = np.quantile(kept, [0.025, 0.1, 0.975])
    return {
        "questions": len(outcomes),
        "usd_per_1000": _round(1000 * spent.mean()),
        "saved": _round(1 - spent.sum() / dearest.sum()),
        "saved_interval": [_round(bound) for bound in np.quantile(saved, [0.025, 0.975])],
        "quality": _round(points.sum() / max(best.sum(), 1e-9)),
        "quality_interval": [_round(low), _round(high)],
        "quality_at_least": _round(bound),
        "shares": {tier: _round(of) for tier, of in zip(outcomes.tiers, share.mean(0), strict=True)},
    }


def by_task(outcomes: TierAnswers, chosen: Ints) -> dict[str, Figures]:
    """Return the figures of each task with at least 30 questions, the task with most questions first."""
    of = np.array(
        [task or source or "all" for task, source in zip(outcomes.task, outcomes.source, strict=True)]
    )
    figures = {}
    for task in sorted(set(of.tolist())):
        rows = np.flatnonzero(of == task)
        if len(rows) >= 30:
            figures[task] = of_choice(outcomes.take(rows), chosen[rows])
    return dict(sorted(figures.items(), key=lambda pair: -pair[1]["questions"]))


def table(figures: Mapping[str, Figures]) -> list[list[str]]:
    """Return rows of name, dollars, savings, quality with interval, shares of the tiers."""
    return [
        [
            name,
            f"{figure['usd_per_1000']:.4g}",
            f"{100 * figure['saved']:.1f} %",
            quality(figure),
            " / ".join(f"{100 * share:.0f}" for share in figure["shares"].values()),
        ]
        for name, figure in figures.items()
    ]


def quality(figures: Figures) -> str:
    """Return the quality with its interval, as in `99.3 % (98.6 to 99.9)`."""
    low, high = figures["quality_interval"]
    return f"{100 * figures['quality']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _resampled(top: Floats, bottom: Floats) -> Floats:
    """Return the ratio of both sums for each bootstrap sample of the questions."""
    n = len(top)
    drawn = np.random.RandomState(7).multinomial(n, np.full(n, 1 / n), size=SAMPLES).astype(np.float32)
    ratio: npt.NDArray[np.float64] = (drawn @ top) / np.maximum(drawn @ bottom, 1e-9)
    return ratio


def _round(value: Any) -> float:
    return round(float(value), 5)


def mean_of(figures: Sequence[Figures], key: str) -> float:
    """Return the mean of one figure."""
    return _round(np.mean([figure[key] for figure in figures]))
