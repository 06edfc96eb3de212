"""Reads the ids of topics and of the cluster, which distinguish a topic from one recreated under its name.

aiokafka requests a version of the metadata without ids. Layout: Kafka's protocol guide, Metadata, version 12.
"""

from collections.abc import Collection
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from aiokafka.client import AIOKafkaClient

from pointsman.bus import connection
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, compact
from pointsman.bus.tcp_check import await_server
from pointsman.runtime.settings import KafkaPart

_API, _VERSION = 3, 12

_INT16, _INT32, _UUID, _BOOL = Struct(">h"), Struct(">i"), Struct(">16s"), Struct(">b")
#: Error code, number, leader and its epoch.
_PARTITION = Struct(">hiii")
_NO_ID = bytes(16)
_ALL = b"\x00"
#: Create no topics, report no authorized operations.
_ONLY_ASK = b"\x00\x00"


class TopicId(NamedTuple):
    """The ids of a cluster and of one of its topics."""

    cluster: str
    topic: UUID


async def topic_ids(client: AIOKafkaClient, topics: Collection[str]) -> dict[str, TopicId]:
    """Return the ids of those topics that exist.

    Raises:
        KafkaError: no broker answers, or it is older than Kafka 3.1.
    """
    if not topics:
        return {}
    ids: dict[str, TopicId] = await client.send(client.get_random_node(), request(topics))
    return ids


async def topic_ids_of(settings: KafkaPart) -> dict[str, TopicId]:
    """Return the ids of all topics of a cluster.

    Raises:
        KafkaUnavailableError: no broker answers.
        KafkaError: no broker gave a valid response.
    """
    await await_server(settings)
    async with connection.connected_client(settings) as client:
        ids: dict[str, TopicId] = await client.send(client.get_random_node(), request(None))
        return ids


def request(topics: Collection[str] | None) -> Packed:
    """Build the request; the response has a `TopicId` for each existing topic. None: for all topics."""
    names = _ALL if topics is None else array(_NO_ID + compact(topic.encode()) + NO_TAGS for topic in topics)
    return Packed(_API, _VERSION, names + _ONLY_ASK + NO_TAGS, ResponseReader(_answer))


def _answer(answer: WireReader) -> dict[str, TopicId]:
    answer.unpack(_INT32)
    answer.array(_broker)
    cluster = answer.text()
    answer.unpack(_INT32)
    described = answer.array(_topic)
    answer.tags()
    return {
        name: TopicId(cluster, UUID(bytes=id)) for code, name, id in described if not code and id != _NO_ID
    }


def _broker(answer: WireReader) -> None:
    answer.unpack(_INT32)
    answer.compact()
    answer.unpack(_INT32)
    answer.compact()
    answer.tags()


def _topic(answer: WireReader) -> tuple[int, str, bytes]:
    (code,) = answer.unpack(_INT16)
    name = answer.text()
    id = answer.take(_UUID.size)
    answer.unpack(_BOOL)
    answer.array(_partition)
    answer.unpack(_INT32)
    answer.tags()
    return code, name, id


def _partition(answer: WireReader) -> None:
    answer.unpack(_PARTITION)
    for _ in range(3):  # replicas, in-sync replicas, offline replicas
        answer.array(_number)
    answer.tags()


def _number(answer: WireReader) -> None:
    answer.unpack(_INT32)
