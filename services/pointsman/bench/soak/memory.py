"""Detect memory growth, by a linear fit to each life of a process."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression

#: A new process fills its caches, so its first samples are left out.
SETTLED_AFTER_S = 60.0
#: A shorter time is too short to extrapolate to an hour.
SHORTEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory in MB at a time in seconds."""

    at: float
    mb: float


@dataclass(frozen=True, slots=True)
class Memory:
    """A process's memory over its `lives`.

    All but `most_mb` is of the longest one; the slope is null if that is short.
    `first_mb` is the memory when its caches were filled.
    """

    lives: int
    seconds: float
    first_mb: float
    last_mb: float
    most_mb: float
    mb_per_hour: float | None


def memory(lives: Sequence[Sequence[Sample]]) -> Memory:
    """Summarise lives of a process: at least one, with at least one sample."""
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
    """Return MB per second by least squares. Needs samples of at least two different times."""
    return linear_regression([sample.at for sample in samples], [sample.mb for sample in samples]).slope
