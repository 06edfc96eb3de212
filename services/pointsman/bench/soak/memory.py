"""Whether memory grows: a straight line through each life of a process."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression

#: A process that has just begun still fills its caches: what it does in this time is left out.
SETTLED_AFTER_S = 60.0
#: A shorter stretch says nothing about an hour.
SHORTEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory, MB, `at` seconds on some clock."""

    at: float
    mb: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process over its `lives`; the rest is of its longest life, the slope null if that was short.

    `first_mb` is when it had settled.
    """

    lives: int
    seconds: float
    first_mb: float
    last_mb: float
    most_mb: float
    mb_per_hour: float | None


def memory(lives: Sequence[Sequence[Sample]]) -> Memory:
    """Of at least one life with at least one sample."""
    longest = max(lives, key=lambda life: life[-1].at - life[0].at)
    settled = [sample for sample in longest if sample.at >= longest[0].at + SETTLED_AFTER_S] or longest[-1:]
    stretch = settled[-1].at - settled[0].at
    return Memory(
        len(lives),
        longest[-1].at - longest[0].at,
        settled[0].mb,
        longest[-1].mb,
        max(sample.mb for life in lives for sample in life),
        slope(settled) * 3600 if stretch >= SHORTEST_S else None,
    )


def slope(samples: Sequence[Sample]) -> float:
    """MB a second by least squares; of two samples at different times at least."""
    return linear_regression([sample.at for sample in samples], [sample.mb for sample in samples]).slope
