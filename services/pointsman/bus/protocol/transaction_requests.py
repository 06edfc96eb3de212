"""The requests of Kafka's transactions, version 2 (KIP-890), and their responses.

In version 2 partitions and groups are not announced: the broker adds them to the transaction with their first
records and offsets. aiokafka has only the older version. Layouts: Kafka's protocol guide.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from struct import Struct
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import RequestHeader_v2, ResponseHeader_v0, ResponseHeader_v1

from pointsman.bus.partition import Partition
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, by_topic, compact

_INT16, _INT32 = Struct(">h"), Struct(">i")
_PRODUCER = Struct(">qh")
_SENT = Struct(">ihqqq")
_COMMITTED = Struct(">ih")
_OFFSET = Struct(">iqi")
_OWNER = Struct(">ihqh")
_FEATURE = Struct(">hh")
_API = Struct(">hhh")

_VERSIONS_API = 18
#: Tags of its response.
_KNOWN, _AGREED = 0, 2
_ACKS_ALL = _INT16.pack(-1)
_NO_LEADER_EPOCH = -1


@dataclass(frozen=True, slots=True)
class Producer:
    """A producer id and epoch from the coordinator; each transaction has its own epoch."""

    id: int
    epoch: int

    def packed(self) -> bytes:
        return _PRODUCER.pack(self.id, self.epoch)


@dataclass(frozen=True, slots=True)
class Membership:
    """A consumer's membership in its group: the broker refuses its offsets once the generation is over."""

    group: str
    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Offset:
    """A group's committed offset in one partition."""

    place: Partition
    next_offset: int
    metadata: str


@dataclass(frozen=True, slots=True)
class Versions:
    """Features by name: the highest level the broker supports, and the level finalized in its cluster.

    Both empty for a broker that is too old to report them.
    """

    known: Mapping[str, int]
    agreed: Mapping[str, int]

    @property
    def transactions(self) -> int:
        """The finalized level of `transaction.version`; 0 if it is not reported."""
        return self.agreed.get("transaction.version", 0)


@dataclass(frozen=True, slots=True)
class ResponseReader:
    """The response type that a connection of aiokafka's expects."""

    read: Callable[[WireReader], Any]

    def decode(self, stream: BytesIO) -> Any:
        return self.read(WireReader(stream.read()))


@dataclass(frozen=True, slots=True)
class Packed:
    """A request in the form that a connection of aiokafka's accepts; hence the names of its fields."""

    API_KEY: int
    API_VERSION: int
    body: bytes
    RESPONSE_TYPE: ResponseReader

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "Packed":
        """Return itself, if the broker supports this version.

        Raises:
            IncompatibleBrokerVersion: it does not.
        """
        lowest, highest = versions.get(self.API_KEY, (0, -1))
        if not lowest <= self.API_VERSION <= highest:
            raise IncompatibleBrokerVersion(
                f"the broker does not know version {self.API_VERSION} of API {self.API_KEY}"
            )
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> Any:
        return RequestHeader_v2(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        return self.body

    def parse_response_header(self, stream: BytesIO) -> Any:
        # The response to ApiVersions has the old header, so that every client can read it.
        return (ResponseHeader_v0 if self.API_KEY == _VERSIONS_API else ResponseHeader_v1).decode(stream)


def init_producer(transactional_id: str, timeout_ms: int) -> Packed:
    """Request a `Producer`; the response has an error code too. The id's former user is fenced."""
    body = compact(transactional_id.encode()) + _INT32.pack(timeout_ms) + Producer(-1, -1).packed() + NO_TAGS
    return Packed(22, 4, body, ResponseReader(_owner))


def produce(transactional_id: str, timeout_ms: int, batches: Mapping[Partition, bytes]) -> Packed:
    """Write one batch to each partition; the response has error codes."""
    topics: dict[str, list[bytes]] = {}
    for (topic, partition), batch in batches.items():
        packed = _INT32.pack(partition) + compact(batch) + NO_TAGS
        topics.setdefault(topic, []).append(packed)
    body = b"".join(
        (
            compact(transactional_id.encode()),
            _ACKS_ALL,
            _INT32.pack(timeout_ms),
            by_topic(topics),
            NO_TAGS,
        )
    )
    return Packed(0, 12, body, ResponseReader(_sent))


def commit_offsets(
    transactional_id: str, producer: Producer, membership: Membership, offsets: Iterable[Offset]
) -> Packed:
    """Commit offsets; the response has error codes."""
    topics: dict[str, list[bytes]] = {}
    for offset in offsets:
        topic, partition = offset.place
        position = _OFFSET.pack(partition, offset.next_offset, _NO_LEADER_EPOCH)
        topics.setdefault(topic, []).append(position + compact(offset.metadata.encode()) + NO_TAGS)
    body = b"".join(
        (
            compact(transactional_id.encode()),
            compact(membership.group.encode()),
            producer.packed(),
            _INT32.pack(membership.generation),
            compact(membership.id.encode()),
            compact(None),
            by_topic(topics),
            NO_TAGS,
        )
    )
    return Packed(28, 5, body, ResponseReader(_offsets))


def end(transactional_id: str, producer: Producer, *, commit: bool = True) -> Packed:
    """Commit or abort; the response has an error code and the `Producer` for the next transaction."""
    body = compact(transactional_id.encode()) + producer.packed() + bytes([commit]) + NO_TAGS
    return Packed(26, 5, body, ResponseReader(_owner))


def versions() -> Packed:
    """Request the features of broker and cluster; the response is `Versions`."""
    body = compact(b"pointsman") + compact(b"1") + NO_TAGS
    return Packed(_VERSIONS_API, 3, body, ResponseReader(_versions))


def _owner(answer: WireReader) -> tuple[int, Producer]:
    _, code, id, epoch = answer.unpack(_OWNER)
    return code, Producer(id, epoch)


def _sent(answer: WireReader) -> dict[Partition, int]:
    return answer.by_topic(_sent_one)


def _offsets(answer: WireReader) -> dict[Partition, int]:
    answer.unpack(_INT32)
    return answer.by_topic(_offset_one)


def _sent_one(answer: WireReader) -> tuple[int, int]:
    partition, code, *_ = answer.unpack(_SENT)
    answer.array(_bad_record)
    answer.compact()
    answer.tags()
    return partition, code


def _bad_record(answer: WireReader) -> None:
    answer.unpack(_INT32)
    answer.compact()
    answer.tags()


def _offset_one(answer: WireReader) -> tuple[int, int]:
    partition, code = answer.unpack(_COMMITTED)
    answer.tags()
    return partition, code


def _versions(answer: WireReader) -> Versions:
    (code,) = answer.unpack(_INT16)
    if code:  # it does not know this version, and the rest has another layout
        return Versions({}, {})
    answer.array(_api)
    answer.unpack(_INT32)
    tags = answer.tags()
    known, agreed = (
        WireReader(tags[tag]).array(_feature) if tag in tags else [] for tag in (_KNOWN, _AGREED)
    )
    return Versions(
        {name: highest for name, _, highest in known}, {name: highest for name, highest, _ in agreed}
    )


def _api(answer: WireReader) -> None:
    answer.unpack(_API)
    answer.tags()


def _feature(answer: WireReader) -> tuple[str, int, int]:
    """Read a feature. Supported levels are sent as lowest, highest; finalized ones as highest, lowest."""
    name = answer.text()
    first, second = answer.unpack(_FEATURE)
    answer.tags()
    return name, first, second
