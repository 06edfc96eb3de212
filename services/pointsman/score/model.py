"""A trained score: a text in, an estimate out, the same on every machine."""

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.score.estimate import Bar, Estimate, ScoreReason


@dataclass(frozen=True)
class ScoreModel:
    """`version`: first 12 hex digits of the SHA-256 of the file. `tiers`: ascending capability.

    `bars`: by required quality as written ("0.99"), tuned so that the lower bound of the quality reaches
    it.
    `floor`: the least share of known words below which the text counts as unknown.
    """

    name: str
    version: str
    tiers: tuple[str, ...]
    bars: Mapping[str, Bar]
    floor: float

    def estimate(self, text: str) -> Estimate:
        """In at most 60 us for usual prompts; bounded for any length."""
        raise NotImplementedError(text)

    def reasons(self, text: str, tier: str, top: int = 5) -> list[ScoreReason]:
        """The strongest features for and against `tier`, in words; not for the hot path."""
        raise NotImplementedError(text, tier, top)
