"""Whether a score is calibrated: of the answers that were judged, as many are good as it predicted.

Verdicts go from 0 (bad) to 1 (good). What a score promises of an answer is that it is as good as the
strongest tier's would be, which is not good each time either: how often, its own judged answers tell. So an
answer with promise p is good with at least probability p * g, the sum of verdicts is near the sum of these,
and its standard deviation is at most the root of the sum of p * g * (1 - p * g).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

#: Fewer verdicts than this say too little.
LEAST = 30
#: By chance alone a score that is right falls so many standard deviations short about once in 700 looks.
DEVIATIONS = 3.0
#: So many good answers the strongest tier is credited with before its first verdict.
CREDIT = 10


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Of `judged` answers `good` were good, `expected` should have been; `least`: what still passes."""

    judged: int
    good: float
    expected: float
    least: float

    @property
    def holds(self) -> bool:
        return self.judged < LEAST or self.good >= self.least

    def __str__(self) -> str:
        if self.judged < LEAST:
            return f"{self.judged} verdicts are too few to tell whether the score is right"
        text = f"{self.good:.1f} of {self.judged} judged answers good, {self.expected:.1f} expected"
        if self.holds:
            return f"the score is right: {text}"
        return f"the score promises too much: {text}, {self.good:.1f} < {self.least:.1f}"


def check_calibration(
    promised: Sequence[float], verdicts: Sequence[float], strongest: Sequence[float]
) -> CalibrationReport:
    """Hold verdicts against what was promised of the same answers.

    `strongest`: the verdicts on answers of the strongest tier.
    """
    goodness = (sum(strongest) + CREDIT) / (len(strongest) + CREDIT)
    chances = [probability * goodness for probability in promised]
    expected = sum(chances)
    spread = sqrt(sum(chance * (1 - chance) for chance in chances))
    return CalibrationReport(len(verdicts), sum(verdicts), expected, expected - DEVIATIONS * spread)
