"""Sends batches that no client library would send."""

from struct import pack

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient

from pointsman.bus.partition import Partition
from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, compact

_PRODUCE, _VERSION, _ACKS_ALL, _TIMEOUT_MS = 0, 12, -1, 5_000


async def produce_raw(bootstrap: str, place: Partition, batch: bytes) -> None:
    """Writes `batch` unchanged. Raises AssertionError if the broker refuses it."""
    topic, partition = place
    of_partition = pack(">i", partition) + compact(batch) + NO_TAGS
    of_topic = compact(topic.encode()) + array([of_partition]) + NO_TAGS
    body = compact(None) + pack(">hi", _ACKS_ALL, _TIMEOUT_MS) + array([of_topic]) + NO_TAGS
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        leader = client.cluster.leader_for_partition(TopicPartition(*place))
        code = await client.send(leader, Packed(_PRODUCE, _VERSION, body, ResponseReader(_code)))
        assert code == 0, f"refused with code {code}"
    finally:
        await client.close()


def _code(answer: WireReader) -> int:
    return answer.array(_of_topic)[0]


def _of_topic(answer: WireReader) -> int:
    answer.compact()
    (partition,) = answer.array(_of_partition)
    answer.tags()
    return partition


def _of_partition(answer: WireReader) -> int:
    code = int.from_bytes(answer.take(6)[4:], "big")
    answer.take(24)  # offset, time and start of the log
    answer.array(_error)
    answer.compact()
    answer.tags()
    return code


def _error(answer: WireReader) -> None:
    answer.take(4)
    answer.compact()
    answer.tags()
