"""Finds outcomes written before this process waited for them; all requests share one scan at a time."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError
from pointsman.bus.partition import Start, Topics
from pointsman.bus.read.follow import follow
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart

#: Tolerated difference between the clocks that make ids and those that write outcomes.
_SKEW = timedelta(minutes=5)
_EPOCH = datetime.fromtimestamp(0, UTC)
_PAUSE_S = 1.0


class LookBack:
    """Passes to `tell` every record of the topics that may contain a requested outcome."""

    def __init__(
        self,
        kafka: KafkaPart,
        topics: Topics,
        tell: Callable[[Incoming], None],
        *,
        most: timedelta | None = None,
    ) -> None:
        """`most`: maximum age of the records to read."""
        self._most = most
        self._kafka = kafka
        self._topics = topics
        self._tell = tell
        self._jobs: set[UUID] = set()
        self._scanning: asyncio.Task[None] | None = None

    def find(self, job_id: UUID) -> None:
        """Search the existing records for the job's outcome."""
        self._jobs.add(job_id)
        if self._scanning is None or self._scanning.done():
            self._scanning = asyncio.create_task(self._scan(), name="look back")

    async def close(self) -> None:
        """Stop searching."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.wait([self._scanning])

    async def _scan(self) -> None:
        while self._jobs:
            jobs, self._jobs = self._jobs, set()
            try:
                async for record in follow(
                    self._kafka, self._topics, start=self._start(jobs), until_end=True
                ):
                    self._tell(record)
            except BusError:  # Kafka is unavailable; the live reader reports it if it lasts
                self._jobs |= jobs
                await asyncio.sleep(_PAUSE_S)

    def _start(self, jobs: set[UUID]) -> Start:
        now = utc_now()
        start = earliest(jobs, now)
        if self._most is None or (isinstance(start, datetime) and start > now - self._most):
            return start
        return now - self._most


def earliest(job_ids: Iterable[UUID], now: datetime) -> Start:
    """Return where the first outcome of these jobs can be, from the times in their UUIDv7.

    Times in the future or before 1970 are not used: then it is the beginning.
    """
    oldest, newest = (int(time.timestamp() * 1000) for time in (_EPOCH + _SKEW, now + _SKEW))
    created_ms = [job_id.int >> 80 if job_id.version == 7 else 0 for job_id in job_ids]
    if not all(oldest <= milliseconds <= newest for milliseconds in created_ms):
        return "beginning"
    return datetime.fromtimestamp(min(created_ms) / 1000, UTC) - _SKEW
