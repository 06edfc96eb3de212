"""Publishes changes of the registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.codec.emit import emit_own
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.publisher import Publisher
from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys
from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.changes import RegistryChange, plan
from pointsman.registry.follow import read_registry
from pointsman.registry.registry import RegistryHistory
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Person:
    """A person who changes the registry; `key` signs, if signatures are required."""

    id: str
    key: PrivateKey | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The changes; `proposal` is its id if the rules require another person's approval."""

    changes: list[RegistryChange]
    proposal: UUID | None = None


async def apply_file(
    kafka: KafkaPart,
    topics: Topics,
    file: AgentsFile,
    *,
    by: str,
    key: PrivateKey | None = None,
    people: AgentKeys | None = None,
    reason: str = "",
) -> Applied:
    """Create the topics that the file's agents need, and make the registry match the file.

    Raises:
        BusError: Kafka cannot be read or written.
    """
    history = await read_registry(kafka, topics, people)
    changes = plan(file, history)
    # First the topics: a missing one would block the records that services write with it.
    own = [topics.agent_results(entry.id) for entry in file.entries if entry.kafka]
    if own and changes:
        await apply_topics(kafka, own)
    return await submit(kafka, topics, history, changes, Person(by, key), reason=reason)


async def submit(
    kafka: KafkaPart,
    topics: Topics,
    history: RegistryHistory,
    changes: list[RegistryChange],
    person: Person,
    *,
    reason: str = "",
) -> Applied:
    """Publish the changes in order, in force everywhere within 2 s; or propose them if the rules say so.

    Raises:
        BusError: see `Publisher.publish`.
    """
    alone = history.rules is None or history.rules.approvals == 1
    if not changes:
        return Applied([])
    if alone or all(change.kind == "suspend" for change in changes):
        await _publish(kafka, topics, [change.message(person.id, reason) for change in changes], person)
        return Applied(changes)
    id = uuid7(utc_now())
    proposal = RegistryProposed(
        proposal=id, changes=tuple(change.proposed for change in changes), by=person.id, reason=reason
    )
    await _publish(kafka, topics, [proposal], person)
    return Applied(changes, id)


async def approve(kafka: KafkaPart, topics: Topics, proposal: RegistryProposed, person: Person) -> None:
    """Publish each change of the proposal as a message of its own.

    Raises:
        BusError: see `Publisher.publish`.
    """
    fields = {
        "by": proposal.by,
        "approved_by": person.id,
        "proposal": proposal.proposal,
        "reason": proposal.reason,
    }
    messages: list[Message] = []
    for change in proposal.changes:
        if change.agent is not None:
            messages.append(AgentChanged(agent=change.agent, state=change.state, **fields))
        elif change.rules is not None:
            messages.append(RegistryChanged(rules=change.rules, **fields))
    await _publish(kafka, topics, messages, person)


async def _publish(kafka: KafkaPart, topics: Topics, messages: Sequence[Message], person: Person) -> None:
    records = []
    for message in messages:
        record = emit_own(topics.registry, _key(message), person.id, message, utc_now())
        records.append(sign(record, person.key))
    async with Publisher(kafka) as publisher:
        await publisher.publish(records)


def _key(message: Message) -> str:
    match message:
        case AgentChanged():
            return f"agent/{message.agent.id}"
        case RegistryProposed():
            return f"proposal/{message.proposal}"
        case _:
            return "rules"
