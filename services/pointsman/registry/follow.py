"""Reads the registry's topic, once or for as long as a process runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.codec.decode import Decoded, broker_time, decode
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import verify_record
from pointsman.bus.partition import Offsets
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.identity.verify import AgentKeys, SignatureVerdict
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import RegistryHistory
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

RegistryMessage = AgentChanged | RegistryChanged | RegistryProposed


async def read_registry(kafka: KafkaPart, topics: Topics, people: AgentKeys | None = None) -> RegistryHistory:
    """Return the current registry. `people`: keys that must have signed a change; None: not required.

    Raises:
        BusError: the topic cannot be read.
    """
    return (await _read(kafka, topics, people))[0]


@asynccontextmanager
async def followed_registry(
    settings: LanePart, topics: Topics, in_force: RegistryInForce, people: AgentKeys | None
) -> AsyncIterator[None]:
    """Keep `in_force` current during the block, from now on. `people` as for `read_registry`.

    Raises:
        BusError: the current registry cannot be read.
    """
    history, start = await _read(settings, topics, people)

    def renew() -> None:
        registry = history.registry
        if registry is not None:
            in_force.take(registry)
            rules = {"unregistered": registry.rules.unregistered, "identity": registry.rules.identity}
            event(log, logging.INFO, Event.REGISTRY_IN_FORCE, agents=len(registry.agents), **rules)

    def hear(_message: RegistryMessage, record: Incoming) -> None:
        take_in(history, record, people)
        renew()

    kinds: tuple[type[RegistryMessage], ...] = (AgentChanged, RegistryChanged, RegistryProposed)
    listener = MessageListener(settings, topics.registry, kinds, hear, start=start)
    renew()
    async with listener.running():
        yield


async def _read(
    kafka: KafkaPart, topics: Topics, people: AgentKeys | None
) -> tuple[RegistryHistory, Offsets]:
    history = RegistryHistory()
    async with Follower(kafka, [topics.registry.name], start="beginning", until_end=True) as follower:
        async for record in follower:
            take_in(history, record, people)
    return history, dict(follower.offsets)


def take_in(history: RegistryHistory, record: Incoming, people: AgentKeys | None) -> Message | None:
    """Add a record to the history if its sender may make the change; returns its message if so."""
    decoded = decode(record)
    if not isinstance(decoded, Decoded):
        return None
    sender, why_not = decoded.envelope.agent_id, None
    if people is not None:
        verdict = verify_record(record, sender, people).verdict
        if verdict is not SignatureVerdict.VALID:
            why_not = f"the signature of {sender} is {verdict}"
    why_not = why_not or history.hear(decoded.message, sender, broker_time(record))
    if why_not is None:
        return decoded.message
    event(log, logging.WARNING, Event.REGISTRY_CHANGE_IGNORED, offset=record.offset, reason=why_not)
    return None
