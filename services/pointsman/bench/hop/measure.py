"""What a hop does with a full intake: messages per second, and processor time of it and of the broker."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_LOOK_S = 0.02
_GIVE_UP_S = 300


@dataclass(frozen=True, slots=True)
class Hop:
    """One measurement. Rates in messages per second, processor times in microseconds per message."""

    messages: int
    per_second: float
    client_us: float
    broker_us: float


async def measure(
    bootstrap: str, group: str, messages: int, hop: Sequence[psutil.Process], broker: psutil.Process
) -> Hop:
    """From the group's first commit to its last, while it works through `messages` records that wait.

    Raises:
        TimeoutError: it does not get through them.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            first = await _committed(admin, group)
            while not first:
                await asyncio.sleep(_LOOK_S)
                first = await _committed(admin, group)
            started, ours, theirs = time.perf_counter(), _busy(hop), _busy([broker])
            done = first
            while done < messages:
                await asyncio.sleep(_LOOK_S)
                done = await _committed(admin, group)
        took = time.perf_counter() - started
        count = messages - first
        return Hop(
            messages,
            count / took,
            (_busy(hop) - ours) / count * 1e6,
            (_busy([broker]) - theirs) / count * 1e6,
        )
    finally:
        await admin.close()


async def _committed(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except KafkaError:  # the first group of a broker: its coordinator is just being made
        return 0
    return sum(max(0, each.offset) for each in offsets.values())


def _busy(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)
