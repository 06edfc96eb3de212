"""How librdkafka's answers are awaited, and its errors told; it does what aiokafka's admin cannot."""

import asyncio
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation, AdminClient  # type: ignore[attr-defined]  # it lacks an __all__

from pointsman.bus.errors import BusError, KafkaUnavailableError

T = TypeVar("T")

_AWAY = {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}


async def answer(bootstrap: str, asked: "Future[T]", within: float) -> T:
    """What the brokers say, in at most about `within` seconds.

    Raises:
        BusError: they did not answer, or refused; the cause is kept.
    """
    try:
        return await asyncio.wrap_future(asked)
    except KafkaException as error:
        raise explain(bootstrap, error, within) from error


async def demand(bootstrap: str, admin: AdminClient, operation: AclOperation, within: float) -> None:
    """Return where this user may do that to the cluster.

    Asked before what librdkafka 2 does not survive being refused: it frees an answer about ACLs wrongly.

    Raises:
        BusError: it may not, or the brokers did not answer.
    """
    asked = admin.describe_cluster(include_authorized_operations=True, request_timeout=within)
    allowed = (await answer(bootstrap, asked, within)).authorized_operations
    if operation not in (allowed or ()):
        raise BusError(
            f"Kafka at {bootstrap} refused: this user may not {operation.name.lower()} the cluster"
        )


def explain(bootstrap: str, error: KafkaException, within: float) -> BusError:
    """librdkafka's error in this project's words."""
    cause: KafkaError = error.args[0]
    if cause.code() in _AWAY:
        return KafkaUnavailableError(bootstrap, within, cause.str())
    return BusError(f"Kafka at {bootstrap} refused: {cause.str()}")
