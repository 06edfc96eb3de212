"""Reads a group's committed offsets and their metadata.

An unknown offset is an error, never reported as absent. aiokafka's `list_consumer_group_offsets` drops the
response's own error code, so a coordinator that is still loading, as after a restart, looks like a group that
never committed; and it cannot wait for transactions that have not ended. confluent-kafka reads the metadata
beyond its end.
"""

import asyncio
import time
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from pointsman.bus.partition import Partition
from pointsman.bus.protocol import offset_requests

_PAUSE_S = 0.1


class UnstableOffsetError(KafkaError):  # type: ignore[misc]
    """An offset is part of an open transaction."""

    errno = 88
    retriable = True


async def committed_offsets(
    admin: AIOKafkaAdminClient,
    group: str,
    places: Collection[Partition] | None = None,
    *,
    within: float = 10.0,
    stable: bool = False,
) -> dict[Partition, tuple[int, str]]:
    """Return offset and metadata for each of `places` that `group` has committed; by default for all places.

    `stable`: wait until no open transaction includes one of these offsets.

    Raises:
        KafkaError: the coordinator gave no valid response within `within` seconds.
    """
    give_up = time.monotonic() + within
    while True:
        try:
            return await _fetch(admin, group, places, stable)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > give_up:
                raise
        await asyncio.sleep(_PAUSE_S)


async def _fetch(
    admin: AIOKafkaAdminClient, group: str, places: Collection[Partition] | None, stable: bool
) -> dict[Partition, tuple[int, str]]:
    coordinator = await admin.find_coordinator(group)
    answer = await admin._send_request(offset_requests.committed(group, places, stable=stable), coordinator)
    code, positions = answer
    _check(code, group)
    for code, _, _ in positions.values():
        _check(code, group)
    return {place: (offset, metadata) for place, (_, offset, metadata) in positions.items() if offset >= 0}


def _check(code: int, group: str) -> None:
    if code == UnstableOffsetError.errno:
        raise UnstableOffsetError(f"a transaction of group {group} has not ended")
    if code:
        raise for_code(code)(f"no committed offsets of group {group}")
