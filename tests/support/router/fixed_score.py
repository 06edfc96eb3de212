"""A score with results chosen by the test; without heads, so the fast path does not use it."""

from collections.abc import Mapping

from pointsman.score.estimate import Bar, Estimate, ScoreReason
from pointsman.score.net import NetScore

BAR = Bar(rate=0.0, margin=0.0)


class FixedScore(NetScore):
    """`says`: by a text's first word, the probabilities of small and medium, and the known share."""

    says: Mapping[str, tuple[float, float, float]]

    def estimate(self, text: str) -> Estimate:
        """No tier is better than the strongest, and a tier's cost is its place."""
        small, medium, known = self.says.get(text.split(" ", maxsplit=1)[0], (0.5, 0.5, 1.0))
        return Estimate((small, medium, 1.0), (0.0, 0.0, 0.0), (0.1, 0.3, 1.0), known)

    def reasons(self, text: str, tier: str, top: int = 5) -> list[ScoreReason]:
        """One for each of the first words."""
        return [ScoreReason(f"`{word}` in the text", -0.5) for word in text.split()[:top]]


def fixed_score(
    says: Mapping[str, tuple[float, float, float]],
    *,
    bar: Bar = BAR,
    floor: float = 0.5,
) -> FixedScore:
    """A model with the tiers small, medium and frontier, tuned for 0.99."""
    tiers = ("small", "medium", "frontier")
    model = FixedScore("fixed", "0123456789ab", tiers, {"0.99": bar}, floor, {}, (), (), {})
    object.__setattr__(model, "says", says)
    return model
