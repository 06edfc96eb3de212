"""The declaration of a topic, with its writers and readers."""

from dataclasses import dataclass, field
from datetime import timedelta

from pointsman_schemas.base import Message

MIB = 1024 * 1024
#: The default prefix of all topic names.
DEFAULT_PREFIX = "pointsman"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    `writers` and `readers` are roles. `pointsman access` derives the ACLs from them:
    - `agents`: all agents with a Kafka login; `agent-ID`: one of them;
    - `worker-TIER`: the workers of one tier; `worker`: the workers of every tier, as
      writers only of the tiers that a cascade may escalate to from their own;
    - `people`: the operators. They may read every topic except those of single agents; they are listed only
      on topics meant for them.

    `max_message_bytes`: the largest record batch, after compression.
    `compacted`: the latest record of each key is kept for ever; `retention` has no effect.
    `broker_time`: a record's timestamp is the time at which the broker appended it.
    `fallback_topic`: the topic to write to if this one does not exist or may not be written.
    """

    name: str
    title: str
    key: str
    partitions: int
    retention: timedelta
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    carries: tuple[type[Message], ...] = field(default=())
    max_message_bytes: int = 8 * MIB
    compacted: bool = False
    broker_time: bool = False
    fallback_topic: str | None = None

    @property
    def audited(self) -> bool:
        """Whether the audit service reads this topic and keeps its records."""
        return "audit" in self.readers
