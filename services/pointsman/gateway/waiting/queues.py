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

#: The pace is that of so many seconds, at least and at most.
_LEAST_S, _MOST_S = 4.0, 60.0
#: What was looked at longer ago says nothing any more, seconds.
_STALE_S = 10.0
#: So much faster work may go than it went.
_FASTER = 2.0


@dataclass(slots=True)
class Queue:
    """One topic's observations; times in seconds of a monotonic clock."""

    looks: deque[tuple[float, TopicProgress]] = field(default_factory=deque)

    def look(self, now: float, progress: TopicProgress) -> None:
        """It stands like this now."""
        if self.looks and (progress.end < self.looks[-1][1].end or progress.done < self.looks[-1][1].done):
            self.looks.clear()  # the topic was made anew
        self.looks.append((now, progress))
        while now - self.looks[0][0] > _MOST_S:
            self.looks.popleft()

    @property
    def end(self) -> int:
        """Up to where it was written when it was looked at last."""
        return self.looks[-1][1].end if self.looks else 0

    def before(self, mark: int) -> int:
        """At most so many that were written before `mark` are not finished."""
        return max(0, min(mark, self.end) - self.looks[-1][1].done) if self.looks else 0

    def wait_s(self, now: float) -> float:
        """For at least so long what is in it now keeps its group busy; 0 where that cannot be said."""
        if not self.looks or now - self.looks[-1][0] > _STALE_S:
            return 0.0
        (began, first), (ended, last) = self.looks[0], self.looks[-1]
        moved = last.done - first.done
        if ended - began < _LEAST_S or moved <= 0:
            return 0.0
        return last.left * (ended - began) / moved / _FASTER


#: By tier; None: the intake.
ByTier = Mapping[str | None, T]


@dataclass(slots=True)
class Queues:
    """The queues of the intake and of each tier."""

    queues: dict[str | None, Queue] = field(default_factory=dict)

    def take(self, now: float, seen: ByTier[TopicProgress]) -> None:
        """They stand like this now; what is not among them is gone."""
        self.queues = {tier: self.queues.get(tier, Queue()) for tier in seen}
        for tier, progress in seen.items():
            self.queues[tier].look(now, progress)

    def marks(self) -> ByTier[int]:
        """Where each ends: what is written from now on is behind."""
        return {tier: queue.end for tier, queue in self.queues.items()}

    def before(self, marks: ByTier[int], tier: str | None) -> int:
        """At most so many jobs are before one that was sent before `marks`; `tier` None: it may be any's."""
        before = {name: queue.before(marks.get(name, 0)) for name, queue in self.queues.items()}
        intake = before.pop(None, 0)
        return intake + (max(before.values(), default=0) if tier is None else before.get(tier, 0))

    def wait_s(self, tier: str | None, now: float) -> float:
        """For at least so long a new job waits; 0 where that cannot be said."""
        queues = [queue for name, queue in self.queues.items() if name is not None and tier in (None, name)]
        return min((queue.wait_s(now) for queue in queues), default=0.0)
