"""The cheapest tier that is likely enough to be sufficient; ties and doubt go up, never down.

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
    """One tier's comparison; it is reached when `sufficient > required`, so never by a NaN or a tie."""

    tier: str
    sufficient: float
    required: float

    @property
    def reached(self) -> bool:
        return self.sufficient > self.required


def in_words(sufficient: float, required: float) -> str:
    """`0.8100 < 0.9000`; what differs looks different."""
    sign = ">" if sufficient > required else "=" if sufficient == required else "<"
    left, right = f"{sufficient:.4f}", f"{required:.4f}"
    if left == right and sign != "=":
        left, right = repr(sufficient), repr(required)
    return f"{left} {sign} {right}{', and a tie goes up' if sign == '=' else ''}"


@dataclass(frozen=True, slots=True)
class TierChoice:
    """`tier`, and every comparison that was made, ascending. `undecided` says why none was, if none was."""

    tier: str
    compared: tuple[Compared, ...]
    undecided: str | None = None

    @property
    def sufficient(self) -> float:
        """Of the chosen tier; 1 for the strongest."""
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
    """The cheapest of `tiers` (ascending) whose `sufficient` exceeds what `bar` requires of it.

    `floor`: the least share of known words below which the text counts as unknown. `prices`: per tier,
    today's price over that of training. `allowed`: tiers that may be chosen; the strongest of them is the
    last resort.
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
    """Quality expected of a tier, less the strongest's, plus what it saves."""
    gained = estimate.sufficient[at] + estimate.better[at] - 1.0
    return gained + bar.rate * (cost[-1] - cost[at]) - bar.margin
