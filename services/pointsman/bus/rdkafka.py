"""How librdkafka is set up here, and how its answers are awaited.

It reads and administers because it can do what aiokafka cannot: change one setting of a topic and leave the
others, see a broker come back without hanging, ask for offsets by time. Lanes and publishing stay with
aiokafka, which is faster in one event loop.
"""

import asyncio
import logging
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from pointsman.bus.errors import BusError, KafkaUnavailableError
from pointsman.runtime.logging import event

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Not an error: a partition is read to its end, for now.
PARTITION_END = KafkaError._PARTITION_EOF

_AWAY = {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}


def settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """Settings of any librdkafka client; `more` in its names with `_` for `.`."""
    return {
        "bootstrap.servers": bootstrap,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,  # it would print to stderr; what matters comes back as an error
        "error_cb": lambda error: event(log, logging.INFO, "kafka client", error=str(error)),
        **{name.replace("_", "."): value for name, value in more.items()},
    }


async def answer(bootstrap: str, asked: "Future[T]", within: float) -> T:
    """What the brokers say, in at most about `within` seconds.

    Raises:
        BusError: they did not answer, or refused; the cause is kept.
    """
    try:
        return await asyncio.wrap_future(asked)
    except KafkaException as error:
        raise explain(bootstrap, error, within) from error


def explain(bootstrap: str, error: KafkaException, within: float) -> BusError:
    """librdkafka's error in this project's words."""
    found: KafkaError = error.args[0]
    if found.code() in _AWAY:
        return KafkaUnavailableError(bootstrap, within, found.str())
    return BusError(f"Kafka at {bootstrap} refused: {found.str()}")
