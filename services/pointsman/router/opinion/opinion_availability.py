"""Tracks whether a process gives second opinions. After too long without one, none are asked for.

Invariants:
- A check of the decision says why no opinion was asked for, so it can be recomputed without this object.
- It recovers by itself, once a process is found again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from math import inf
from typing import Self

from pointsman.bus.errors import BusError
from pointsman.router.policy.policy import Policy
from pointsman.router.scoring.second import missing
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.decisions import Check

log = logging.getLogger(__name__)

_LOOK_S = 5.0


class OpinionAvailability:
    """One per router process. `wait_s`: how long a job may wait for an opinion."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._missing_since: datetime | None = None
        #: The check for undecided jobs while no process is running; else None.
        self.missing: Check | None = None

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return one for the policy; without second opinions none is ever missing."""
        second = policy.scorer.second
        return cls(inf if second is None else second.wait_s)

    def update(self, members: int, now: datetime) -> None:
        """Note the number of processes at `now`."""
        before = self.missing
        if members:
            self._missing_since = self.missing = None
        else:
            self._missing_since = self._missing_since or now
            alone = (now - self._missing_since).total_seconds()
            if before is None and alone > self._wait_s:
                self.missing = missing(f"nobody has given one for {alone:.1f} s > {self._wait_s:g} s")
        if (before is None) != (self.missing is None):
            log_event = Event.OPINIONS_AVAILABLE if before else Event.OPINIONS_MISSING
            event(log, logging.WARNING, log_event, hint="pointsman run opinion" if self.missing else "")


@asynccontextmanager
async def watching_opinions(
    kafka: KafkaPart, group: str, policy: Policy, opinions: OpinionAvailability, clock: Clock
) -> AsyncIterator[None]:
    """Keep `opinions` up to date while inside, if the policy has second opinions."""
    if policy.scorer.second is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(_look(kafka, group, opinions, clock))
        yield
        looking.cancel()


async def _look(kafka: KafkaPart, group: str, opinions: OpinionAvailability, clock: Clock) -> None:
    from pointsman.bus.admin.members import count_members  # loads librdkafka, which is needed only here

    while True:
        try:
            opinions.update(await count_members(kafka, group), clock())
        except BusError as error:  # unknown now: keep the previous state
            event(log, logging.INFO, Event.OPINIONS_UNKNOWN, problem=str(error))
        await asyncio.sleep(_LOOK_S)
