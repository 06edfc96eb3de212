"""Finds the smallest threshold that keeps the error among the accepted answers below a bound; pure.

Invariants:
- With probability at least 1 - alpha, for independent and identically distributed judged answers, the true
  error among the answers accepted by the returned threshold does not exceed the bound.
- Thresholds are fixed in advance: 0.99, 0.98 and so on. They are tested in a fixed sequence, the strictest
  first, from several starts that share alpha equally; each sequence ends at the first threshold that fails
  its exact binomial test (the inverse of Clopper-Pearson's one-sided bound).
- No threshold accepts an answer without a usable confidence, as at run time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import exp, fsum, lgamma, log, log1p

from pointsman.confidence.compare import exceeds

#: The possible thresholds, ascending.
THRESHOLDS = tuple(Decimal(step).scaleb(-2) for step in range(100))
#: Starts of the sequences, each with an equal share of alpha.
STARTS = tuple(map(Decimal, ("0.99", "0.95", "0.90", "0.80", "0.50")))
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer with a verdict; `confidence`: verbatim, of any type."""

    confidence: object
    correct: bool


@dataclass(frozen=True, slots=True)
class JudgedTally:
    """For each of THRESHOLDS, how many answers exceed it, and how many of those are wrong."""

    answers: int
    accepted: tuple[int, ...]
    errors: tuple[int, ...]

    @classmethod
    def of(cls, answers: Iterable[JudgedAnswer]) -> "JudgedTally":
        """Count the answers with the comparison that is used at run time."""
        exceeded, wrong, total = [0] * (len(THRESHOLDS) + 1), [0] * (len(THRESHOLDS) + 1), 0
        for answer in answers:
            total += 1
            place = _exceeded(answer.confidence)
            exceeded[place] += 1
            wrong[place] += not answer.correct
        return cls(total, _from_above(exceeded), _from_above(wrong))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold; `bound`: of the error among the accepted, with a confidence of 1 - `level`."""

    threshold: Decimal
    answers: int
    accepted: int
    errors: int
    bound: float
    level: float


@dataclass(frozen=True, slots=True)
class TooFew:
    """No threshold is valid yet; `more`: right answers above `threshold` that it still needs."""

    threshold: Decimal
    accepted: int
    errors: int
    more: int


def calibrate(tally: JudgedTally, error: float, alpha: float) -> Calibration | TooFew:
    """Return the smallest threshold for which the error among the accepted stays below `error`.

    `error` and `alpha` are between 0 and 0.5.
    """
    level = alpha / len(STARTS)
    starts = [THRESHOLDS.index(start) for start in STARTS]
    good: set[int] = set()
    for start in starts:
        for place in range(start, -1, -1):
            if not at_most(tally.errors[place], tally.accepted[place], error) <= level:
                break
            good.add(place)
    if not good:
        missing, place = min((_missing(tally, place, error, level), place) for place in starts)
        return TooFew(THRESHOLDS[place], tally.accepted[place], tally.errors[place], missing)
    accepted, errors = tally.accepted[min(good)], tally.errors[min(good)]
    # Of thresholds that accept the same answers the strictest: no answer tells what lies between them.
    strictest = max(place for place in good if tally.accepted[place] == accepted)
    bound = upper_bound(errors, accepted, level)
    return Calibration(THRESHOLDS[strictest], tally.answers, accepted, errors, bound, level)


def upper_bound(errors: int, accepted: int, alpha: float) -> float:
    """Return Clopper and Pearson's one-sided upper bound of the share of errors."""
    if errors >= accepted:
        return 1.0
    low, high = errors / accepted, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if at_most(errors, accepted, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def at_most(errors: int, accepted: int, share: float) -> float:
    """Return the probability of at most this many errors among the accepted if `share` is the true share."""
    if errors >= accepted:
        return 1.0
    if errors > 0 and errors / accepted >= share:
        return 1.0  # the true value is above one half, so no test with a small alpha depends on it
    log_factorial = lgamma(accepted + 1)
    return min(
        1.0,
        fsum(
            exp(
                log_factorial
                - lgamma(wrong + 1)
                - lgamma(accepted - wrong + 1)
                + wrong * log(share)
                + (accepted - wrong) * log1p(-share)
            )
            for wrong in range(errors + 1)
        ),
    )


def _missing(tally: JudgedTally, place: int, error: float, level: float) -> int:
    """Return how many more right answers this threshold needs."""
    accepted, errors = tally.accepted[place], tally.errors[place]
    low, high = accepted, max(2 * accepted, 16)
    while at_most(errors, high, error) > level and high < _MOST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if at_most(errors, middle, error) > level:
            low = middle
        else:
            high = middle
    return high - accepted


def _exceeded(confidence: object) -> int:
    """Return how many thresholds the confidence exceeds; these are the first ones."""
    low, high = 0, len(THRESHOLDS)
    while low < high:
        middle = (low + high) // 2
        if exceeds(confidence, THRESHOLDS[middle]).passed:
            low = middle + 1
        else:
            high = middle
    return low


def _from_above(counts: list[int]) -> tuple[int, ...]:
    """Turn counts of answers that exceed exactly n thresholds into counts that exceed each threshold."""
    sums, total = [], 0
    for count in reversed(counts[1:]):
        total += count
        sums.append(total)
    return tuple(reversed(sums))
