"""Reads a topic for ever, for this process alone."""

import asyncio
import logging
from collections.abc import Callable

from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError
from pointsman.bus.places import Start
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman_schemas.topic import Topic

log = logging.getLogger(__name__)

_RECONNECT_S = 1.0


async def keep_reading(
    settings: LanePart,
    topic: Topic,
    start: Start,
    take: Callable[[Incoming], None],
    whole: asyncio.Event | None = None,
) -> None:
    """Give `take` each record from `start` on, until cancelled; a broken connection is replaced by a new one.

    `whole` is set at the end that the topic has when this begins.
    """
    place, at_end = start, whole or asyncio.Event()
    while True:
        first = start == "beginning" and not at_end.is_set()
        stalled_after = settings.stall_timeout_ms / 1000
        try:
            async with Follower(
                settings, [topic.name], start=place, until_end=first, stalled_after=stalled_after
            ) as follower:
                if not first:
                    at_end.set()
                while not follower.ended:
                    for record in await follower.read():
                        take(record)
                    place = dict(follower.offsets)
            at_end.set()
            continue
        except BusError as error:
            problem = f"{topic.name} cannot be read: {error}"
            event(log, logging.WARNING, Event.COMMANDS_UNAVAILABLE, problem=problem)
        except Exception:  # a defect of ours: said, and tried again from where it was
            failure(log, Event.COMMANDS_FAILED)
        await asyncio.sleep(_RECONNECT_S)
