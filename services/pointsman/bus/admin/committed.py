"""A group's committed offsets and their metadata, or an error: never silence taken for "nothing committed".

aiokafka's `list_consumer_group_offsets` drops the answer's own error code, so a coordinator that is still
loading, as after a restart, looks like a group that never committed. confluent-kafka reads the metadata
beyond its end.
"""

import asyncio
import time
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from pointsman.bus.places import Place

_PAUSE_S = 0.1


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, places: Collection[Place] | None = None, *, within: float = 10.0
) -> dict[Place, tuple[int, str]]:
    """Offset and metadata of each place that `group` has committed; of all places when none are given.

    Raises:
        KafkaError: the group's coordinator gave no good answer within `within` seconds.
    """
    give_up = time.monotonic() + within
    while True:
        try:
            return await _fetch(admin, group, places)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > give_up:
                raise
        await asyncio.sleep(_PAUSE_S)


async def _fetch(
    admin: AIOKafkaAdminClient, group: str, places: Collection[Place] | None
) -> dict[Place, tuple[int, str]]:
    asked: dict[str, list[int]] = {}
    for topic, partition in places or ():
        asked.setdefault(topic, []).append(partition)
    coordinator = await admin.find_coordinator(group)
    request = OffsetFetchRequest(group, None if places is None else list(asked.items()))
    answer = await admin._send_request(request, coordinator)
    _check(answer.error_code, group)
    found = {}
    for topic, partitions in answer.topics:
        for partition, offset, metadata, code in partitions:
            _check(code, group)
            if offset >= 0:
                found[topic, partition] = (offset, metadata or "")
    return found


def _check(code: int, group: str) -> None:
    if code:
        raise for_code(code)(f"no committed offsets of group {group}")
