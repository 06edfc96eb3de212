"""A consumed record and a record to produce: bytes only, nothing decoded.

Treat them as immutable. They are not declared frozen, which would cost a microsecond each, a thirtieth of the
router's time per job.
"""

from dataclasses import dataclass, field, fields
from typing import Self

from pointsman_schemas.envelope import Headers
from pointsman_schemas.reasons import Reason

#: The largest record that is sent, in bytes: an intake record and all that is added to it. A topic's limit
#: is enforced by the broker.
MAX_RECORD_BYTES = 8 * 1024 * 1024

#: The largest value that a lane sends to a broker, in bytes before compression: a request of more than
#: 100 MB breaks the connection instead of being refused.
LARGEST_VALUE = 32 * 1024 * 1024


@dataclass(slots=True, unsafe_hash=True)
class Incoming:
    """One consumed record. `timestamp_ms`: its Kafka timestamp in milliseconds since 1970.

    `by_broker`: whether the broker set it (LogAppendTime), not the producer (CreateTime). `seed`: stands for
    the topic in derived ids, so that a recreated topic gives other ids; if empty, the topic's name does.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    seed: str = field(default="", kw_only=True)
    by_broker: bool = field(default=False, kw_only=True)

    @property
    def origin(self) -> tuple[str, int, int]:
        """The record's topic, partition and offset."""
        return (self.topic, self.partition, self.offset)

    @property
    def log_fields(self) -> dict[str, str | int]:
        """The same as `origin`, as fields of a log event."""
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}

    @property
    def root(self) -> tuple[str, int, int]:
        """What ids are derived from: seed, partition and offset."""
        return (self.seed or self.topic, self.partition, self.offset)

    @property
    def on_kafka(self) -> bytes | None:
        """The value as on Kafka."""
        return self.value


@dataclass(slots=True, unsafe_hash=True)
class Unread(Incoming):
    """Stands for all records of a batch that cannot be decoded, at its last offset; has no value."""

    reason: Reason
    why: str


@dataclass(slots=True, unsafe_hash=True)
class Outgoing:
    """One record to produce; its key chooses the partition as in Java's default partitioner.

    `fallback_topic`: the topic to write to if this one does not exist or may not be written.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    fallback_topic: str | None = None


@dataclass(slots=True, unsafe_hash=True)
class Fetched(Incoming):
    """A record whose value is in the store: `value` is the whole value, `stub` the one on Kafka.

    `lost`: why the value cannot be fetched, for people; `value` is then the stub.
    """

    stub: bytes
    lost: str | None = None
    too_large: bool = False

    @classmethod
    def of(
        cls, record: Incoming, value: bytes | None, lost: str | None = None, *, too_large: bool = False
    ) -> Self:
        """Return `record`, which has the stub, with this value."""
        own = {field.name: getattr(record, field.name) for field in fields(Incoming)} | {"value": value}
        return cls(**own, stub=record.value or b"", lost=lost, too_large=too_large)

    @property
    def on_kafka(self) -> bytes:
        """The value as on Kafka."""
        return self.stub
