"""What a topic is, and who may write and read it."""

from dataclasses import dataclass, field
from datetime import timedelta

from pointsman_schemas.base import Message

MIB = 1024 * 1024
#: What comes first in the name of each topic, unless an installation says otherwise.
DEFAULT_PREFIX = "pointsman"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `max_message_bytes` bounds a record batch after compression.

    `writers` and `readers` are who may, in a cluster with logins: `pointsman access` makes its ACLs of them.
    `agents` are those with a Kafka login, `agent-ID` is one of them, `worker-TIER` the workers of one tier,
    `people` who operates the installation: they read every topic but the agents' own, and are named where it
    is for them. A `worker` writes to the tiers that a cascade leads to from its own.

    `compacted`: the latest record of each key stays for ever, `retention` says nothing.
    `broker_time`: a record's time is when the broker took it, whatever its writer's clock says.
    `otherwise`: the topic that takes its records where it is not there, or not for the writer.
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
    otherwise: str | None = None

    @property
    def audited(self) -> bool:
        """Whether the audit keeps all that is on it: what it declares to read is what it subscribes to."""
        return "audit" in self.readers
