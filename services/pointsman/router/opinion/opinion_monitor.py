"""Looks every few seconds whether any process gives second opinions."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.errors import BusError
from pointsman.router.opinion.opinion_availability import OpinionAvailability
from pointsman.router.policy.policy import Policy
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart

log = logging.getLogger(__name__)

_LOOK_S = 5.0


@asynccontextmanager
async def watching_opinions(
    kafka: KafkaPart, group: str, policy: Policy, opinions: OpinionAvailability, clock: Clock
) -> AsyncIterator[None]:
    """Inside, `opinions` is kept up to date; a policy without second opinions needs none."""
    if policy.scorer.second is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(_look(kafka, group, opinions, clock))
        yield
        looking.cancel()


async def _look(kafka: KafkaPart, group: str, opinions: OpinionAvailability, clock: Clock) -> None:
    from pointsman.bus.admin.members import count_members  # loads librdkafka, which nothing else here needs

    while True:
        try:
            opinions.update(await count_members(kafka, group), clock())
        except BusError as error:  # nobody can tell; what was known stands
            event(log, logging.INFO, Event.OPINIONS_UNKNOWN, problem=str(error))
        await asyncio.sleep(_LOOK_S)
