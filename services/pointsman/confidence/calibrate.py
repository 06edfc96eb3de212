"""The smallest threshold that keeps the error among the accepted answers under a bound; pure.

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

#: What may come out, ascending.
THRESHOLDS = tuple(Decimal(step).scaleb(-2) for step in range(100))
#: Where a sequence begins, each with an equal share of alpha.
STARTS = tuple(map(Decimal, ("0.99", "0.95", "0.90", "0.80", "0.50")))
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer that somebody judged; `confidence`: verbatim, whatever its type."""

    confidence: object
    correct: bool


@dataclass(frozen=True, slots=True)
class JudgedTally:
    """For each of THRESHOLDS: how many answers exceed it, and how many of those are wrong."""

    answers: int
    accepted: tuple[int, ...]
    errors: tuple[int, ...]

    @classmethod
    def of(cls, answers: Iterable[JudgedAnswer]) -> "JudgedTally":
        """Count them, by the comparison that is made at run time."""
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
    """No threshold will do yet; `more`: answers above `threshold`, all right, with which it would."""

    threshold: Decimal
    accepted: int
    errors: int
    more: int


def calibrate(tally: JudgedTally, error: float, alpha: float) -> Calibration | TooFew:
    """The smallest threshold for which the error among the accepted stays under `error`.

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
    # Of thresholds that accept the same answers the strictest: nothing is known of what lies between them.
    strictest = max(place for place in good if tally.accepted[place] == accepted)
    bound = upper_bound(errors, accepted, level)
    return Calibration(THRESHOLDS[strictest], tally.answers, accepted, errors, bound, level)


def upper_bound(errors: int, accepted: int, alpha: float) -> float:
    """Clopper and Pearson's one-sided upper bound of a share of which `errors` of `accepted` were seen."""
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
    """The probability of so few errors or fewer among the accepted, if `share` is the true one."""
    if errors >= accepted:
        return 1.0
    if errors > 0 and errors / accepted >= share:
        return 1.0  # more than a half at any rate: nothing that is asked for here
    whole = lgamma(accepted + 1)
    return min(
        1.0,
        fsum(
            exp(
                whole
                - lgamma(wrong + 1)
                - lgamma(accepted - wrong + 1)
                + wrong * log(share)
                + (accepted - wrong) * log1p(-share)
            )
            for wrong in range(errors + 1)
        ),
    )


def _missing(tally: JudgedTally, place: int, error: float, level: float) -> int:
    """How many more right answers above this threshold would do."""
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
    """How many of the thresholds it exceeds, which are the first ones."""
    low, high = 0, len(THRESHOLDS)
    while low < high:
        middle = (low + high) // 2
        if exceeds(confidence, THRESHOLDS[middle]).passed:
            low = middle + 1
        else:
            high = middle
    return low


def _from_above(counts: list[int]) -> tuple[int, ...]:
    """From how many exceed just so many thresholds to how many exceed each of them."""
    sums, total = [], 0
    for count in reversed(counts[1:]):
        total += count
        sums.append(total)
    return tuple(reversed(sums))
