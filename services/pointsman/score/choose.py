"""Chooses the cheapest tier that is likely enough to be sufficient; ties and doubt go up, never down.

A tier's expected loss of quality against the strongest tier is weighed against its expected saving. This is
written as a comparison of probabilities, so that a decision can be read and repeated:
`sufficient > required`, where `required` falls with the saving.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite

from pointsman.score.estimate import Bar, Estimate


@dataclass(frozen=True, slots=True)
class Compared:
    """One tier's comparison. Only `sufficient > required` reaches it, so NaN or a tie never does."""

    tier: str
    sufficient: float
    required: float

    @property
    def reached(self) -> bool:
        return self.sufficient > self.required


def in_words(sufficient: float, required: float) -> str:
    """Return `0.8100 < 0.9000`; with all digits if the rounded values are equal but the values are not."""
    sign = ">" if sufficient > required else "=" if sufficient == required else "<"
    left, right = f"{sufficient:.4f}", f"{required:.4f}"
    if left == right and sign != "=":
        left, right = repr(sufficient), repr(required)
    return f"{left} {sign} {right}{', and a tie goes up' if sign == '=' else ''}"


@dataclass(frozen=True, slots=True)
class TierChoice:
    """The chosen tier and all comparisons, ascending. `undecided`: why there are none."""

    tier: str
    compared: tuple[Compared, ...]
    undecided: str | None = None

    @property
    def sufficient(self) -> float:
        """The probability for the chosen tier; 1 for the strongest."""
        return next((compared.sufficient for compared in self.compared if compared.tier == self.tier), 1.0)


def choose(
    estimate: Estimate,
    bar: Bar,
    tiers: Sequence[str],
    *,
    floor: float,
    prices: Sequence[float] | None = None,
    allowed: Collection[str] | None = None,
) -> TierChoice:
    """Return the cheapest of `tiers` (ascending) whose `sufficient` exceeds what `bar` requires of it.

    `floor`: the least share of known words of a familiar text. `prices`: per tier, today's price divided by
    that in training. `allowed`: the tiers that may be chosen; the strongest of them is the last resort.
    """
    usable = [at for at, tier in enumerate(tiers) if allowed is None or tier in allowed]
    if not usable:
        raise ValueError(f"none of the tiers {', '.join(tiers)} is allowed")
    last = usable[-1]
    if not estimate.known >= floor:
        return TierChoice(
            tiers[last], (), f"unfamiliar text: {estimate.known:.2f} < {floor:.2f} of its words known"
        )
    of_training = prices or [1.0] * len(tiers)
    cost = [of * by / of_training[-1] for of, by in zip(estimate.cost, of_training, strict=True)]
    values = [*estimate.sufficient, *estimate.better, *cost, bar.rate, bar.margin]
    if not all(map(isfinite, values)):
        return TierChoice(tiers[last], (), "the score is not a number")
    strongest = len(tiers) - 1
    best = _worth(estimate, bar, cost, last) if last != strongest else 0.0
    comparisons: list[Compared] = []
    for at in reversed(usable[:-1]):
        spared = bar.rate * (cost[strongest] - cost[at])
        required = 1.0 - estimate.better[at] - spared + bar.margin + best
        compared = Compared(tiers[at], estimate.sufficient[at], required)
        comparisons.append(compared)
        if compared.reached:
            best += estimate.sufficient[at] - required
    reached = [comparison.tier for comparison in reversed(comparisons) if comparison.reached]
    return TierChoice(reached[0] if reached else tiers[last], tuple(reversed(comparisons)))


def _worth(estimate: Estimate, bar: Bar, cost: Sequence[float], at: int) -> float:
    """Return a tier's expected quality less the strongest's, plus the value of its saving."""
    gained = estimate.sufficient[at] + estimate.better[at] - 1.0
    return gained + bar.rate * (cost[-1] - cost[at]) - bar.margin
