"""Starts and closes aiokafka's producers within time limits, which aiokafka does not have."""

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pointsman.bus import connection
from pointsman.bus.codec.records import MAX_RECORD_BYTES
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.tcp_check import await_server
from pointsman.runtime.settings import KafkaPart

#: Time limit for an orderly close if no broker answers, in seconds.
CLOSE_S = 2.0


async def start_producer(settings: KafkaPart, patience: float, **options: Any) -> AIOKafkaProducer:
    """Return a connected producer. `patience`: the longest wait for a broker, in seconds.

    Raises:
        KafkaUnavailableError: no broker answers, or it refuses the login.
    """
    await await_server(settings, patience)
    producer = connection.producer(
        settings,
        compression_type="zstd",
        max_request_size=MAX_RECORD_BYTES,
        request_timeout_ms=10_000,
        **options,
    )
    starting = asyncio.create_task(producer.start())
    try:
        async with asyncio.timeout(patience):
            await asyncio.shield(starting)
    except BaseException as error:
        # If interrupted, it would leave its first connection open.
        await asyncio.wait([starting], timeout=CLOSE_S)
        starting.cancel()
        await asyncio.wait([asyncio.create_task(producer.stop())], timeout=CLOSE_S)
        if isinstance(error, TimeoutError | KafkaError):
            raise KafkaUnavailableError(settings.kafka, patience, str(error) or "no answer") from error
        raise
    return producer


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Flush for a moment, then close: by itself a producer waits without end for its brokers."""
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(CLOSE_S):
            await producer.stop()
            return
    producer._message_accumulator.fail_all(KafkaError("closed before it was acknowledged"))
    await producer.client.close()
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(CLOSE_S):
            await producer._sender.close()
