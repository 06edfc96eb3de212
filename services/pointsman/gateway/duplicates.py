"""Hears of jobs that came a second time under one id: the first one's outcome may be there already."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError, line_of
from pointsman.bus.places import Start
from pointsman.bus.read.follow import Follower
from pointsman.runtime.background import background
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topic import Topic

log = logging.getLogger(__name__)

_RECONNECT_S = 1.0


def duplicates_heard(
    kafka: KafkaPart, dead: Topic, tell: Callable[[UUID], None]
) -> AbstractAsyncContextManager[None]:
    """Inside, `tell` is told the id of each job that is refused as a duplicate."""
    return background(_hear(kafka, dead, tell), "duplicates")


async def _hear(kafka: KafkaPart, dead: Topic, tell: Callable[[UUID], None]) -> None:
    start: Start = "end"
    while True:
        try:
            async with Follower(kafka, [dead.name], start=start) as follower:
                while True:
                    for record in await follower.read():
                        if (job_id := duplicate_in(record)) is not None:
                            tell(job_id)
                    start = dict(follower.offsets)
        except BusError as error:
            event(log, logging.WARNING, Event.CONNECTION_LOST, error=line_of(error))
            await asyncio.sleep(_RECONNECT_S)


def duplicate_in(record: Incoming) -> UUID | None:
    """The job that a dead letter calls a duplicate; None for every other letter."""
    headers = dict(record.headers)
    if headers.get("ce_reason") != Reason.DUPLICATE_JOB.value.encode():
        return None
    try:
        return UUID((headers.get("ce_jobid") or b"").decode("ascii"))
    except ValueError:
        return None
