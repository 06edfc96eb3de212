"""Reads the results topic once for all who wait, from before the first job was sent."""

import asyncio
from types import TracebackType
from typing import Self
from uuid import UUID

from pointsman.bus.decode import Decoded, decode
from pointsman.bus.follow import Follower
from pointsman_schemas.catalog import OUTCOMES
from pointsman_schemas.outcomes import Outcome
from pointsman_schemas.topics import Topics


class Outcomes:
    """An async context manager; once entered, no outcome of a job that is expected is missed."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._follower = Follower(bootstrap, [topics.results.name], start="end")
        self._expected: dict[UUID, asyncio.Future[Outcome]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._follower.__aenter__()
        self._reading = asyncio.create_task(self._read(), name="outcomes")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        for waiting in self._expected.values():
            waiting.cancel()
        await self._follower.__aexit__(kind, error, trace)

    def expect(self, job_id: UUID) -> "asyncio.Future[Outcome]":
        """The job's outcome, when it comes; call it before the job is sent."""
        found = self._expected.get(job_id)
        if found is None:
            found = self._expected[job_id] = asyncio.get_running_loop().create_future()
        return found

    def forget(self, job_id: UUID) -> None:
        """Nobody waits for this job any more."""
        self._expected.pop(job_id, None)

    async def _read(self) -> None:
        try:
            while True:
                for record in await self._follower.read():
                    found = decode(record)
                    if isinstance(found, Decoded) and isinstance(found.message, OUTCOMES):
                        self._tell(found.message)
        except Exception as error:
            for waiting in self._expected.values():
                if not waiting.done():
                    waiting.set_exception(error)

    def _tell(self, outcome: Outcome) -> None:
        waiting = self._expected.get(outcome.job_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)
