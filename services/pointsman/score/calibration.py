"""Whether a score is calibrated: as many judged answers are good as it predicted.

Verdicts are from 0 (bad) to 1 (good). The score predicts the probability p that an answer is as good as the
strongest tier's. That tier's answers are good with probability g, estimated from their own verdicts. So an
answer is good with probability of at least p * g; the sum of verdicts is near the sum of these, with a
standard deviation of at most the root of the sum of p * g * (1 - p * g).
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
