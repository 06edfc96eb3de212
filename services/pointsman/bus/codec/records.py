"""A consumed record and a record to produce: bytes only, nothing decoded.

Treat them as immutable. They are not declared frozen: that would cost a microsecond each, a thirtieth of the
router's time per job.
"""

from dataclasses import dataclass, field

from pointsman_schemas.envelope import Headers
from pointsman_schemas.reasons import Reason

#: The largest record that is sent, bytes: an intake record with all that is added to it. What a topic takes
#: is for the broker to say.
MAX_RECORD_BYTES = 8 * 1024 * 1024

#: A lane asks no broker whether it takes more than this, bytes before compression: a request of more than
#: 100 MB ends the connection instead of being answered.
LARGEST_VALUE = 32 * 1024 * 1024


@dataclass(slots=True, unsafe_hash=True)
class Incoming:
    """One consumed record. `timestamp_ms` is the record's Kafka timestamp, milliseconds since 1970.

    `by_broker`: whether the broker set it (LogAppendTime), not the producer (CreateTime).
    `seed`: stands for the topic in derived ids, see `bus/admin/topic_seed.py`; empty: the topic's name does.
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
        """Topic, partition and offset."""
        return (self.topic, self.partition, self.offset)

    @property
    def place(self) -> dict[str, str | int]:
        """As `origin`, for a log entry."""
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}

    @property
    def root(self) -> tuple[str, int, int]:
        """What ids are derived from."""
        return (self.seed or self.topic, self.partition, self.offset)

    @property
    def on_kafka(self) -> bytes | None:
        """The value as it stands on Kafka."""
        return self.value


@dataclass(slots=True, unsafe_hash=True)
class Unread(Incoming):
    """Stands for all records of a batch that cannot be decoded, at its last offset; has no value."""

    reason: Reason
    why: str


@dataclass(slots=True, unsafe_hash=True)
class Outgoing:
    """One record to be produced; the key chooses the partition as Java's default partitioner does.

    `otherwise`: see `Topic`.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    otherwise: str | None = None


@dataclass(slots=True, unsafe_hash=True)
class Fetched(Incoming):
    """A record whose value is in a store: `value` is the whole value, `stub` the one on Kafka.

    `lost`: for people, why the value cannot be fetched; `value` is then the stub.
    """

    stub: bytes
    lost: str | None = None
    too_large: bool = False

    @property
    def on_kafka(self) -> bytes:
        """The value as it stands on Kafka."""
        return self.stub
