"""The only place that makes Kafka clients, all from one settings part: addresses, TLS, login.

Callers pass the client's other options. Libraries that few processes need are imported on first use. Every
function raises KafkaLoginError if a file that the settings name cannot be used.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection

from pointsman.bus import renewed_login, security
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient
    from faststream.kafka import KafkaBroker

log = logging.getLogger(__name__)

_CONNECTING_S = 1.0


def _tells_no_secret(record: logging.LogRecord) -> bool:
    """Filter out aiokafka's debug messages of logins, which include the password."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(type(argument).__name__.startswith("SaslAuthenticate") for argument in arguments)


logging.getLogger("aiokafka.conn").addFilter(_tells_no_secret)
renewed_login.install()


def client(settings: KafkaPart, **options: Any) -> AIOKafkaClient:
    """Return a client for hand-made requests; it connects to each broker."""
    return AIOKafkaClient(**_aiokafka(settings, options))


async def connect(client: AIOKafkaClient) -> None:
    """Connect. If cancelled, wait a moment for the attempt, or its first connection would stay open.

    Raises:
        KafkaError: no broker answers.
    """
    connecting = asyncio.ensure_future(client.bootstrap())
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await asyncio.wait([connecting], timeout=_CONNECTING_S)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        raise


def producer(settings: KafkaPart, **options: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(**_aiokafka(settings, options))


def consumer(settings: KafkaPart, **options: Any) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(**_aiokafka(settings, options))


def admin(settings: KafkaPart, **options: Any) -> AIOKafkaAdminClient:
    """Return an admin client for groups and their offsets."""
    return AIOKafkaAdminClient(**_aiokafka(settings, options))


@asynccontextmanager
async def connected_client(settings: KafkaPart) -> AsyncIterator[AIOKafkaClient]:
    """A connected client while inside. Raises: as `connect`."""
    kafka_client = client(settings)
    try:
        await connect(kafka_client)
        yield kafka_client
    finally:
        await kafka_client.close()


@asynccontextmanager
async def connected_admin(settings: KafkaPart, within: float) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client while inside. `within`: limit for each request, in seconds.

    Raises:
        KafkaError, OSError: no broker answers.
    """
    admin_client = admin(settings, request_timeout_ms=int(within * 1000))
    try:
        await admin_client.start()
        yield admin_client
    finally:
        await admin_client.close()


def connection(settings: KafkaPart, host: str, port: int, within: float) -> AIOKafkaConnection:
    """Return a connection to one server, not to its cluster. `within`: limit for each step, in seconds."""
    return AIOKafkaConnection(
        host,
        port,
        client_id=settings.kafka_client_id or "pointsman",
        request_timeout_ms=within * 1000,
        **security.for_aiokafka(settings),
    )


def service_broker(settings: KafkaPart, **options: Any) -> "KafkaBroker":
    """Return the broker on which FastStream hosts a service."""
    from faststream.kafka import KafkaBroker

    options |= {"client_id": settings.kafka_client_id or options["client_id"]}
    return KafkaBroker(settings.kafka, **security.for_faststream(settings), **options)


def cluster_admin(settings: KafkaPart) -> "AdminClient":
    """Return an admin client for what aiokafka's cannot do: topics, their settings, a group's members."""
    from confluent_kafka.admin import AdminClient

    options: dict[str, Any] = {
        **_librdkafka(settings),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,  # it would print to stderr; failures are raised anyway
        "error_cb": lambda error: event(log, logging.INFO, Event.KAFKA_CLIENT_ERROR, error=str(error)),
    }
    return AdminClient(options)


def librdkafka_consumer(settings: KafkaPart, **options: Any) -> "Consumer":
    """Return a consumer for measurements. `options`: librdkafka's, with `_` for `.`."""
    from confluent_kafka import Consumer

    return Consumer({**_librdkafka(settings), **_dotted(options)})


def librdkafka_producer(settings: KafkaPart, **options: Any) -> "Producer":
    """Return a producer, as `librdkafka_consumer`."""
    from confluent_kafka import Producer

    return Producer({**_librdkafka(settings), **_dotted(options)})


def _aiokafka(settings: KafkaPart, options: dict[str, Any]) -> dict[str, Any]:
    named = {"client_id": settings.kafka_client_id} if settings.kafka_client_id else {}
    return {"bootstrap_servers": settings.kafka, **security.for_aiokafka(settings), **options, **named}


def _librdkafka(settings: KafkaPart) -> dict[str, Any]:
    named = {"client.id": settings.kafka_client_id} if settings.kafka_client_id else {}
    return {"bootstrap.servers": settings.kafka, **security.for_librdkafka(settings), **named}


def _dotted(options: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in options.items()}
