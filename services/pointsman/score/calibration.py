"""Checks whether a score is calibrated: whether as many judged answers are good as it predicted.

Verdicts are from 0 (bad) to 1 (good). The score predicts the probability p that an answer is as good as the
strongest tier's. That tier's answers are good with probability g, estimated from their own verdicts. So an
answer is good with probability at least p * g, and the sum of verdicts is near the sum of these, with a
standard deviation of at most the root of the sum of p * g * (1 - p * g).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

#: The least number of verdicts for a check.
LEAST = 30
#: A calibrated score falls so many standard deviations short by chance in about 1 of 700 checks.
DEVIATIONS = 3.0
#: The number of good answers assumed for the strongest tier before its first verdict.
CREDIT = 10


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Of `judged` answers `good` were good and `expected` were predicted; `least` is the lower bound."""

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
    """Compare verdicts with the probabilities promised for the same answers.

    `strongest`: verdicts on answers of the strongest tier.
    """
    goodness = (sum(strongest) + CREDIT) / (len(strongest) + CREDIT)
    chances = [probability * goodness for probability in promised]
    expected = sum(chances)
    spread = sqrt(sum(chance * (1 - chance) for chance in chances))
    return CalibrationReport(len(verdicts), sum(verdicts), expected, expected - DEVIATIONS * spread)
