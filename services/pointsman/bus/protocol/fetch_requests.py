"""The Fetch request and its response, version 13.

Topics are named by id, so a response never has records of a topic recreated under the same name.
aiokafka decodes every record of a response; lanes take whole batches. Layout: Kafka's protocol guide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from struct import Struct
from uuid import UUID

from pointsman.bus.partition import Partition
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, compact

_API, _VERSION = 1, 13

#: Replica, longest wait, least and most bytes, isolation level, session and its epoch.
_ASKED = Struct(">iiiibii")
#: Partition, leader epoch, offset, last fetched epoch, log start offset, most bytes.
_ASKED_PARTITION = Struct(">iiqiqi")
#: Throttle time, error code, session id.
_ANSWERED = Struct(">ihi")
#: Partition, error code, high watermark, last stable offset, log start offset.
_ANSWERED_PARTITION = Struct(">ihqqq")
_ABORTED = Struct(">qq")
_REPLICA = Struct(">i")
_ID_BYTES = 16

_CONSUMER, _NO_SESSION, _UNKNOWN = -1, (0, -1), -1


@dataclass(frozen=True, slots=True)
class FetchedPartition:
    """The response for one partition. `end`: its high watermark, open transactions included.

    `aborted`: producer id and first offset of each aborted transaction among `records`.
    """

    code: int
    end: int
    aborted: tuple[tuple[int, int], ...]
    records: bytes


def fetch(
    starts: Mapping[Partition, int],
    ids: Mapping[str, UUID],
    *,
    wait_ms: int,
    least_bytes: int,
    most_bytes: int,
    most_of_each: int,
    committed_only: bool = True,
) -> Packed:
    """Request records from these offsets on, as soon as there are `least_bytes`.

    The response has a `FetchedPartition` by place. `ids`: the topics' ids. A batch larger than `most_of_each`
    is returned only for the first partition that has records, so put each first in turn.
    """
    topics: dict[str, list[bytes]] = {}
    for (topic, partition), offset in starts.items():
        packed = _ASKED_PARTITION.pack(partition, _UNKNOWN, offset, _UNKNOWN, _UNKNOWN, most_of_each)
        topics.setdefault(topic, []).append(packed + NO_TAGS)
    body = b"".join(
        (
            _ASKED.pack(_CONSUMER, wait_ms, least_bytes, most_bytes, committed_only, *_NO_SESSION),
            array(ids[topic].bytes + array(parts) + NO_TAGS for topic, parts in topics.items()),
            array([]),  # no forgotten topics
            compact(b""),  # no rack
            NO_TAGS,
        )
    )
    names = {ids[topic].bytes: topic for topic in topics}
    return Packed(_API, _VERSION, body, ResponseReader(partial(_parts, names)))


def _parts(names: Mapping[bytes, str], answer: WireReader) -> tuple[int, dict[Partition, FetchedPartition]]:
    _, code, _ = answer.unpack(_ANSWERED)
    return code, answer.by_topic(_part, lambda answer: names[answer.take(_ID_BYTES)])


def _part(answer: WireReader) -> tuple[int, FetchedPartition]:
    partition, code, end, _, _ = answer.unpack(_ANSWERED_PARTITION)
    aborted = answer.array(_transaction)
    answer.unpack(_REPLICA)
    records = answer.compact() or b""
    answer.tags()
    return partition, FetchedPartition(code, end, tuple(aborted), records)


def _transaction(answer: WireReader) -> tuple[int, int]:
    producer, first = answer.unpack(_ABORTED)
    answer.tags()
    return producer, first
