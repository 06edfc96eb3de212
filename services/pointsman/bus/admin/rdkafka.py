"""librdkafka's admin client under asyncio, with its errors translated; it does what aiokafka's cannot."""

import asyncio
from collections.abc import Collection, Iterable
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    AclOperation,
    AdminClient,
    ClusterMetadata,
)

from pointsman.bus import connection
from pointsman.bus.errors import BusError, KafkaUnavailableError
from pointsman.bus.tcp_check import PATIENCE_S, await_server
from pointsman.runtime.settings import KafkaPart

T = TypeVar("T")

#: Time limit for one request to the cluster, in seconds.
REQUEST_S = 15.0
_AWAY = {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}


async def admin(settings: KafkaPart) -> AdminClient:
    """Return an admin client. Keep a reference to it until its futures are done.

    Raises:
        KafkaUnavailableError: no broker accepts the connection.
    """
    await await_server(settings)
    return connection.cluster_admin(settings)


async def answer(settings: KafkaPart, future: "Future[T]", within: float = REQUEST_S) -> T:
    """Wait for a response, about `within` seconds at most.

    Raises:
        BusError: the brokers did not answer, or refused; its cause is kept.
    """
    try:
        return await asyncio.wrap_future(future)
    except KafkaException as error:
        raise _explain(settings, error, within) from error


async def carried_out(
    settings: KafkaPart, futures: Iterable["Future[None]"], already: Collection[int]
) -> bool:
    """Return whether this call made all changes; False if an error code in `already` says otherwise.

    Raises: as `answer`.
    """
    done = True
    for future in futures:
        try:
            await asyncio.wrap_future(future)
        except KafkaException as error:
            if error.args[0].code() not in already:
                raise _explain(settings, error, REQUEST_S) from error
            done = False
    return done


async def list_topics(settings: KafkaPart, admin: AdminClient) -> ClusterMetadata:
    """Return the cluster's brokers and topics. Raises: as `answer`."""
    try:
        return await asyncio.to_thread(admin.list_topics, timeout=PATIENCE_S)
    except KafkaException as error:
        raise _explain(settings, error, PATIENCE_S) from error


async def demand(settings: KafkaPart, admin: AdminClient, operation: AclOperation) -> None:
    """Return if this user may do `operation` on the cluster.

    Checked first, as librdkafka 2 crashes when an ACL request is refused: it frees the response wrongly.

    Raises:
        BusError: the user may not, or the brokers did not answer.
    """
    future = admin.describe_cluster(include_authorized_operations=True, request_timeout=REQUEST_S)
    allowed = (await answer(settings, future)).authorized_operations
    if operation not in (allowed or ()):
        raise BusError(
            f"Kafka at {settings.kafka} refused: this user may not {operation.name.lower()} the cluster"
        )


def _explain(settings: KafkaPart, error: KafkaException, within: float) -> BusError:
    """Translate librdkafka's error."""
    cause: KafkaError = error.args[0]
    if cause.code() in _AWAY:
        return KafkaUnavailableError(settings.kafka, within, cause.str())
    return BusError(f"Kafka at {settings.kafka} refused: {cause.str()}")
