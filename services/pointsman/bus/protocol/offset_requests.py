"""The ListOffsets and OffsetFetch requests and their responses.

Layouts: Kafka's protocol guide.
"""

from collections.abc import Collection, Mapping
from struct import Struct

from pointsman.bus.places import Place
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, by_topic, compact

_LIST, _LIST_VERSION = 2, 6
_COMMITTED, _COMMITTED_VERSION = 9, 7

#: Replica, isolation level.
_ASKED = Struct(">ib")
#: Partition, leader's epoch, time.
_ASKED_PARTITION = Struct(">iiq")
_THROTTLE = Struct(">i")
#: Partition, error code, time, offset, leader's epoch.
_ANSWERED_PARTITION = Struct(">ihqqi")

_PARTITION = Struct(">i")
#: Partition, offset, leader's epoch.
_POSITION = Struct(">iqi")
_CODE = Struct(">h")

_CONSUMER, _UNKNOWN = -1, -1

#: An error code, and of each place an error code, where the group goes on, and the metadata of that.
Committed = tuple[int, dict[Place, tuple[int, int, str]]]


def list_offsets(times: Mapping[Place, int], *, committed_only: bool) -> Packed:
    """The first offset at or after a time (milliseconds since 1970), or of LATEST or EARLIEST; -1 for none.

    Answered by error code and offset of each place.
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


def _offsets(answer: WireReader) -> dict[Place, tuple[int, int]]:
    answer.unpack(_THROTTLE)
    return answer.by_topic(_partition)


def _partition(answer: WireReader) -> tuple[int, tuple[int, int]]:
    partition, code, _, offset, _ = answer.unpack(_ANSWERED_PARTITION)
    answer.tags()
    return partition, (code, offset)


def committed(group: str, places: Collection[Place] | None, *, stable: bool) -> Packed:
    """What a group has committed, of all places if none are given; answered by `Committed`.

    `stable`: a place whose position is part of a transaction that has not ended is answered with an error.
    """
    topics: dict[str, list[bytes]] | None = None if places is None else {}
    for topic, partition in places or ():
        assert topics is not None
        topics.setdefault(topic, []).append(_PARTITION.pack(partition))
    listed = compact(None) if topics is None else by_topic(topics)  # no array is written as no text is
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
