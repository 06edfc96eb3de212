"""The ListOffsets and OffsetFetch requests and their responses.

Layouts: Kafka's protocol guide.
"""

from collections.abc import Collection, Mapping
from struct import Struct

from pointsman.bus.partition import Partition
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, by_topic, compact

_LIST, _LIST_VERSION = 2, 6
_COMMITTED, _COMMITTED_VERSION = 9, 7

#: Replica, isolation level.
_ASKED = Struct(">ib")
#: Partition, leader epoch, timestamp.
_ASKED_PARTITION = Struct(">iiq")
_THROTTLE = Struct(">i")
#: Partition, error code, timestamp, offset, leader epoch.
_ANSWERED_PARTITION = Struct(">ihqqi")

_PARTITION = Struct(">i")
#: Partition, offset, leader epoch.
_POSITION = Struct(">iqi")
_CODE = Struct(">h")

_CONSUMER, _UNKNOWN = -1, -1

#: An error code; and for each place an error code, the committed offset and its metadata.
Committed = tuple[int, dict[Partition, tuple[int, int, str]]]


def list_offsets(times: Mapping[Partition, int], *, committed_only: bool) -> Packed:
    """Request the first offset at or after a time (milliseconds since 1970), or at LATEST or EARLIEST.

    The response has error code and offset by place; -1 if there is no such offset.
    """
    topics: dict[str, list[bytes]] = {}
    for (topic, partition), at in times.items():
        packed = _ASKED_PARTITION.pack(partition, _UNKNOWN, at) + NO_TAGS
        topics.setdefault(topic, []).append(packed)
    return Packed(
        _LIST,
        _LIST_VERSION,
        _ASKED.pack(_CONSUMER, committed_only) + by_topic(topics) + NO_TAGS,
        ResponseReader(_offsets),
    )


def _offsets(answer: WireReader) -> dict[Partition, tuple[int, int]]:
    answer.unpack(_THROTTLE)
    return answer.by_topic(_partition)


def _partition(answer: WireReader) -> tuple[int, tuple[int, int]]:
    partition, code, _, offset, _ = answer.unpack(_ANSWERED_PARTITION)
    answer.tags()
    return partition, (code, offset)


def committed(group: str, places: Collection[Partition] | None, *, stable: bool) -> Packed:
    """Request a group's committed offsets, by default of all places; the response is `Committed`.

    `stable`: an offset that is part of an open transaction gives an error.
    """
    topics: dict[str, list[bytes]] | None = None if places is None else {}
    for topic, partition in places or ():
        assert topics is not None
        topics.setdefault(topic, []).append(_PARTITION.pack(partition))
    listed = compact(None) if topics is None else by_topic(topics)  # a null array is encoded like a null text
    body = compact(group.encode()) + listed + bytes([stable]) + NO_TAGS
    return Packed(_COMMITTED, _COMMITTED_VERSION, body, ResponseReader(_committed))


def _committed(answer: WireReader) -> Committed:
    answer.unpack(_THROTTLE)
    positions = answer.by_topic(_position)
    (code,) = answer.unpack(_CODE)
    return code, positions


def _position(answer: WireReader) -> tuple[int, tuple[int, int, str]]:
    partition, offset, _ = answer.unpack(_POSITION)
    metadata = answer.text()
    (code,) = answer.unpack(_CODE)
    answer.tags()
    return partition, (code, offset, metadata)
