"""Reads the registry from its topic, once or for as long as a process runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.codec.decode import Decoded, broker_time, decode
from pointsman.bus.codec.records import Incoming
from pointsman.bus.places import Offsets
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import RegistryHistory
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.registry import AgentChanged, RegistryChanged
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)


async def read_registry(kafka: KafkaPart, topics: Topics) -> RegistryHistory:
    """What is on record now.

    Raises:
        BusError: it cannot be read.
    """
    return (await _read(kafka, topics))[0]


@asynccontextmanager
async def followed_registry(
    settings: LanePart, topics: Topics, in_force: RegistryInForce
) -> AsyncIterator[None]:
    """Inside, `in_force` is what the topic says, from what is on record now.

    Raises:
        BusError: what is on record cannot be read.
    """
    history, start = await _read(settings, topics)

    def renew() -> None:
        registry = history.registry
        if registry is not None:
            in_force.take(registry)
            rules = {"unregistered": registry.rules.unregistered, "identity": registry.rules.identity}
            event(log, logging.INFO, Event.REGISTRY_IN_FORCE, agents=len(registry.agents), **rules)

    def hear(message: AgentChanged | RegistryChanged, record: Incoming) -> None:
        history.hear(message, broker_time(record))
        renew()

    kinds: tuple[type[AgentChanged | RegistryChanged], ...] = (AgentChanged, RegistryChanged)
    listener = MessageListener(settings, topics.registry, kinds, hear, start=start)
    renew()
    async with listener.running():
        yield


async def _read(kafka: KafkaPart, topics: Topics) -> tuple[RegistryHistory, Offsets]:
    history = RegistryHistory()
    async with Follower(kafka, [topics.registry.name], start="beginning", until_end=True) as follower:
        while not follower.ended:
            for record in await follower.read():
                read = decode(record)
                if isinstance(read, Decoded):
                    history.hear(read.message, broker_time(record))
    return history, dict(follower.offsets)
