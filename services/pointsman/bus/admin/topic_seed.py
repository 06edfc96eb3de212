"""The seed from which ids of a topic's records are derived, and the topic id of committed offsets.

A recreated topic has the same name and offsets again, so ids derived from these alone would repeat those of
earlier jobs. They are derived from the topic's id as well (see docs/decisions/0009-topic-identity.md).

Invariants:
- Each committed offset has the topic's id and its seed in the commit metadata.
- An offset committed for another topic id is ignored.
- Ids derived by releases before topic ids do not change: where a committed offset has no such metadata, the
  seed is empty, and ids are derived from the topic's name.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from aiokafka.admin import AIOKafkaAdminClient

from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.topic_ids import topic_ids_of
from pointsman.bus.tcp_check import PATIENCE_S
from pointsman.runtime.settings import KafkaPart

_MARK, _END = "topic1:", ";"
_BY_ID, _BY_NAME = "id", "name"


class TopicMark(NamedTuple):
    """The topic id of a committed offset. `by_name`: whether ids are derived from the topic's name alone."""

    topic: UUID
    by_name: bool

    def seed(self, name: str) -> str:
        """Return what stands for the topic of that name in derived ids."""
        return name if self.by_name else f"{name}@{self.topic}"


def mark(metadata: str, new_mark: TopicMark | None) -> str:
    """Return commit metadata with its mark added."""
    if new_mark is None:
        return metadata
    return f"{_MARK}{new_mark.topic}:{_BY_NAME if new_mark.by_name else _BY_ID}{_END}{metadata}"


def unmark(metadata: str) -> tuple[TopicMark | None, str]:
    """Split commit metadata into its mark and the rest; the mark is None if there is no valid one."""
    if not metadata.startswith(_MARK):
        return None, metadata
    text, _, rest = metadata.removeprefix(_MARK).partition(_END)
    topic, _, called = text.partition(":")
    try:
        return TopicMark(UUID(topic), called == _BY_NAME), rest
    except ValueError:
        return None, rest


def mark_of(topic: UUID, metadata: Iterable[str]) -> TopicMark:
    """Return the mark for a topic id, from the commit metadata of all partitions that a group has of it."""
    marks = {unmark(text)[0] for text in metadata}
    if TopicMark(topic, False) in marks:
        return TopicMark(topic, False)
    return TopicMark(topic, None in marks or TopicMark(topic, True) in marks)


async def topic_mark(admin: AIOKafkaAdminClient, group: str, name: str, topic: UUID) -> TopicMark:
    """Return the mark as `mark_of`, from the group's current offsets.

    Raises:
        KafkaError: no broker gave a valid response.
    """
    offsets = await committed_offsets(admin, group)
    return mark_of(topic, [metadata for (of, _), (_, metadata) in offsets.items() if of == name])


async def seed_of(settings: KafkaPart, group: str, name: str) -> str:
    """Return the seed that the lanes of `group` use for a topic; empty if the topic does not exist.

    Raises:
        KafkaUnavailableError, KafkaError: no broker gave a valid response.
    """
    ids = (await topic_ids_of(settings)).get(name)
    if ids is None:
        return ""
    async with connection.connected_admin(settings, PATIENCE_S) as admin:
        return (await topic_mark(admin, group, name, ids.topic)).seed(name)
