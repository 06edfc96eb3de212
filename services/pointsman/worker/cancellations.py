"""Who asked to stop which job: remembered for a day, and told to the job if it is under way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pointsman.runtime.clock import Clock, utc_now

#: As long as `jobs.control` keeps its records.
REMEMBERED = timedelta(days=1)
MAX_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Somebody wants a job to stop."""

    by: str
    reason: str
    at: datetime


class Cancellations:
    """Requests to stop, of this process; the oldest are forgotten first."""

    def __init__(
        self, clock: Clock = utc_now, *, ttl: timedelta = REMEMBERED, limit: int = MAX_REMEMBERED
    ) -> None:
        self._clock = clock
        self._ttl = ttl
        self._limit = limit
        self._asked: dict[UUID, Cancellation] = {}  # oldest first
        self._stops: dict[UUID, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def cancel(self, job_id: UUID, by: str, reason: str = "") -> None:
        """Stop the job now or when it comes. Who asked first is kept."""
        now = self._clock()
        self._asked.setdefault(job_id, Cancellation(by, reason, now))
        self._forget(now)
        if stop := self._stops.get(job_id):
            stop()

    def of(self, job_id: UUID) -> Cancellation | None:
        """Who asked to stop this job, if anybody did."""
        asked = self._asked.get(job_id)
        return asked if asked is not None and self._clock() - asked.at < self._ttl else None

    @contextmanager
    def listening(self, job_id: UUID, stop: Callable[[], None]) -> Iterator[None]:
        """While inside, `stop` is called when somebody asks to stop the job."""
        self._stops[job_id] = stop
        try:
            yield
        finally:
            if self._stops.get(job_id) is stop:
                del self._stops[job_id]

    def _forget(self, now: datetime) -> None:
        while self._asked:
            job_id, asked = next(iter(self._asked.items()))
            if len(self._asked) <= self._limit and now - asked.at < self._ttl:
                return
            del self._asked[job_id]
