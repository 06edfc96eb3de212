"""Forecasts a job's wait from the jobs before it on the intake and its tier, and their pace. Pure.

Invariants:
- A reported number is an upper bound; a reported wait is a lower bound even at twice the current pace.
- There is no forecast for a queue that has not moved yet.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pointsman.bus.admin.topic_progress import TopicProgress

T = TypeVar("T")

#: The pace is measured over at least and at most so many seconds.
_LEAST_S, _MOST_S = 4.0, 60.0
#: Observations older than this are not used, in seconds.
_STALE_S = 10.0
#: A forecast allows for the pace to rise by this factor.
_FASTER = 2.0


@dataclass(slots=True)
class Queue:
    """One topic's observations; times in seconds of a monotonic clock."""

    looks: deque[tuple[float, TopicProgress]] = field(default_factory=deque)

    def look(self, now: float, progress: TopicProgress) -> None:
        """Add an observation."""
        if self.looks and (progress.end < self.looks[-1][1].end or progress.done < self.looks[-1][1].done):
            self.looks.clear()  # the topic was recreated
        self.looks.append((now, progress))
        while now - self.looks[0][0] > _MOST_S:
            self.looks.popleft()

    @property
    def end(self) -> int:
        """Where the topic ended at the last observation."""
        return self.looks[-1][1].end if self.looks else 0

    def before(self, mark: int) -> int:
        """Return an upper bound on the unfinished jobs that were written before `mark`."""
        return max(0, min(mark, self.end) - self.looks[-1][1].done) if self.looks else 0

    def wait_s(self, now: float) -> float:
        """Return a lower bound on the seconds until the queue's present jobs are done; 0 if unknown."""
        if not self.looks or now - self.looks[-1][0] > _STALE_S:
            return 0.0
        (began, first), (ended, last) = self.looks[0], self.looks[-1]
        moved = last.done - first.done
        if ended - began < _LEAST_S or moved <= 0:
            return 0.0
        return last.remaining * (ended - began) / moved / _FASTER


#: Values by tier; None stands for the intake.
ByTier = Mapping[str | None, T]


@dataclass(slots=True)
class Queues:
    """The queues of the intake and of each tier."""

    queues: dict[str | None, Queue] = field(default_factory=dict)

    def take(self, now: float, observations: ByTier[TopicProgress]) -> None:
        """Add an observation of each queue; queues that are not in it are dropped."""
        self.queues = {tier: self.queues.get(tier, Queue()) for tier in observations}
        for tier, progress in observations.items():
            self.queues[tier].look(now, progress)

    def marks(self) -> ByTier[int]:
        """Return the end of each queue: later jobs are behind it."""
        return {tier: queue.end for tier, queue in self.queues.items()}

    def before(self, marks: ByTier[int], tier: str | None) -> int:
        """Return an upper bound on the jobs before one sent at `marks`. `tier` None: any tier may get it."""
        before = {name: queue.before(marks.get(name, 0)) for name, queue in self.queues.items()}
        intake = before.pop(None, 0)
        return intake + (max(before.values(), default=0) if tier is None else before.get(tier, 0))

    def wait_s(self, tier: str | None, now: float) -> float:
        """Return a lower bound on the seconds that a new job waits; 0 if unknown."""
        queues = [queue for name, queue in self.queues.items() if name is not None and tier in (None, name)]
        return min((queue.wait_s(now) for queue in queues), default=0.0)
