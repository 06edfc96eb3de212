"""Which jobs get a second opinion, and how it is combined with the score. Pure."""

from pointsman.score.choose import TierChoice
from pointsman.score.estimate import Estimate


def undecided(choice: TierChoice, band: float) -> bool:
    """Return whether a comparison behind the score's choice was within `band`, in probability.

    False if the score abstained: a text that it does not know goes to the strongest tier regardless.
    """
    if choice.undecided is not None:
        return False
    return any(abs(compared.sufficient - compared.required) <= band for compared in choice.compared)


def together(first: Estimate, second: Estimate) -> Estimate:
    """Return the mean of both estimates. NaN in either stays NaN and so goes up. `known` is the first's."""
    if len(first.cost) != len(second.cost):
        raise ValueError(f"estimates of {len(first.cost)} and of {len(second.cost)} tiers")

    def mean(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((a + b) / 2.0 for a, b in zip(one, other, strict=True))

    return Estimate(
        mean(first.sufficient, second.sufficient),
        mean(first.better, second.better),
        mean(first.cost, second.cost),
        first.known,
    )
