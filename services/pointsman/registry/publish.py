"""Puts changes of the registry on its topic."""

from collections.abc import Sequence

from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.changes import RegistryChange, plan
from pointsman.registry.follow import read_registry
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.registry import AgentChanged, RegistryChanged
from pointsman_schemas.topics import Topics


async def apply_file(
    kafka: KafkaPart, topics: Topics, file: AgentsFile, *, by: str, reason: str = ""
) -> list[RegistryChange]:
    """Make the registry what the file says, and the topics that its agents are to have; returns the changes.

    Raises:
        BusError: it cannot be read or written.
    """
    changes = plan(file, await read_registry(kafka, topics))
    # Before services hear of it: a topic that is not there would hold up all that is written beside it.
    own = [topics.agent_results(entry.id) for entry in file.entries if entry.kafka]
    if own and changes:
        await apply_topics(kafka, own)
    await publish_changes(kafka, topics, changes, by=by, reason=reason)
    return changes


async def publish_changes(
    kafka: KafkaPart,
    topics: Topics,
    changes: Sequence[RegistryChange],
    *,
    by: str,
    approved_by: str | None = None,
    reason: str = "",
    clock: Clock = utc_now,
) -> None:
    """Publish the changes, in their order; in force everywhere within 2 s.

    Raises:
        BusError: see `Publisher.publish`.
    """
    made = [_record(topics, change.message(by, approved_by, reason), by, clock) for change in changes]
    if made:
        async with Publisher(kafka) as publisher:
            await publisher.publish(made)


def _record(topics: Topics, message: AgentChanged | RegistryChanged, by: str, clock: Clock) -> Outgoing:
    now = clock()
    key = f"agent/{message.agent.id}" if isinstance(message, AgentChanged) else "rules"
    return emit(topics.registry, key.encode(), Envelope(uuid7(now), by, message.TYPE, now, by), message)
