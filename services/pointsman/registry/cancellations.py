"""Cancellations of jobs: kept for a day, and delivered to running jobs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pointsman.runtime.clock import Clock, utc_now

#: The retention of `jobs.control`.
REMEMBERED = timedelta(days=1)
MAX_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A request to cancel a job."""

    by: str
    reason: str
    at: datetime


class Cancellations:
    """This process's cancellations; when there are too many, the oldest are dropped.

    `own`: an agent may cancel its own jobs only; set if signatures are required.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        #: By job and the agent that must own it (None: any). Oldest first.
        self._cancellations: dict[tuple[UUID, str | None], Cancellation] = {}
        self._stops: dict[UUID, tuple[str, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._cancellations)

    def cancel(self, job_id: UUID, by: str, reason: str = "", *, own: bool = False) -> None:
        """Stop the job now or when it arrives; `own`: only a job of `by`. The first request is kept."""
        now = self._clock()
        self._cancellations.setdefault((job_id, by if own else None), Cancellation(by, reason, now))
        self._forget(now)
        agent_id, stop = self._stops.get(job_id, (None, None))
        if stop is not None and (not own or agent_id == by):
            stop()

    def of(self, job_id: UUID, agent_id: str) -> Cancellation | None:
        """Return the valid cancellation of this job of `agent_id`, if any."""
        cancellation = self._cancellations.get((job_id, agent_id)) or self._cancellations.get((job_id, None))
        return (
            cancellation
            if cancellation is not None and self._clock() - cancellation.at < REMEMBERED
            else None
        )

    @contextmanager
    def listening(self, job_id: UUID, agent_id: str, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` if the job is cancelled during the block."""
        mine = self._stops[job_id] = (agent_id, stop)
        try:
            yield
        finally:
            if self._stops.get(job_id) is mine:
                del self._stops[job_id]

    def _forget(self, now: datetime) -> None:
        while self._cancellations:
            oldest, cancellation = next(iter(self._cancellations.items()))
            if len(self._cancellations) <= MAX_REMEMBERED and now - cancellation.at < REMEMBERED:
                return
            del self._cancellations[oldest]
