"""The request for a partition's first or last offset, or that of a time, and what is answered: version 6.

Layout: Kafka's protocol guide.
"""

from collections.abc import Mapping
from struct import Struct

from pointsman.bus.places import Place
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, compact

_API, _VERSION = 2, 6

#: Replica, isolation level.
_ASKED = Struct(">ib")
#: Partition, leader's epoch, time.
_ASKED_PARTITION = Struct(">iiq")
_THROTTLE = Struct(">i")
#: Partition, error code, time, offset, leader's epoch.
_ANSWERED_PARTITION = Struct(">ihqqi")

_CONSUMER, _UNKNOWN = -1, -1


def list_offsets(times: Mapping[Place, int], *, committed_only: bool) -> Packed:
    """The first offset at or after a time (milliseconds since 1970), or of LATEST or EARLIEST; -1 for none.

    Answered by error code and offset of each place.
    """
    topics: dict[str, list[bytes]] = {}
    for (topic, partition), at in times.items():
        asked = _ASKED_PARTITION.pack(partition, _UNKNOWN, at) + NO_TAGS
        topics.setdefault(topic, []).append(asked)
    listed = array(compact(topic.encode()) + array(each) + NO_TAGS for topic, each in topics.items())
    return Packed(
        _API, _VERSION, _ASKED.pack(_CONSUMER, committed_only) + listed + NO_TAGS, ResponseReader(_offsets)
    )


def _offsets(answer: WireReader) -> dict[Place, tuple[int, int]]:
    answer.unpack(_THROTTLE)
    found: dict[Place, tuple[int, int]] = {}

    def topic(answer: WireReader) -> None:
        name = (answer.compact() or b"").decode()
        found.update({(name, partition): each for partition, each in answer.array(_partition)})
        answer.tags()

    answer.array(topic)
    return found


def _partition(answer: WireReader) -> tuple[int, tuple[int, int]]:
    partition, code, _, offset, _ = answer.unpack(_ANSWERED_PARTITION)
    answer.tags()
    return partition, (code, offset)
