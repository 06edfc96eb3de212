"""Client quotas of the brokers' users, for which confluent-kafka has no calls."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code

from pointsman.bus import connection
from pointsman.bus.errors import BusError
from pointsman.bus.protocol import quota_requests
from pointsman.bus.protocol.transaction_requests import Packed
from pointsman.bus.tcp_check import await_server
from pointsman.runtime.settings import KafkaPart

#: The name for the default entity.
_DEFAULT = "<default>"


async def list_quotas(settings: KafkaPart) -> dict[str, dict[str, float]]:
    """Return the quotas of each user that has any, without those for single client ids.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer, or refused.
    """
    return {
        entity["user"] or _DEFAULT: values
        for entity, values in await _described(settings)
        if entity.keys() == {"user"}
    }


async def list_client_quotas(settings: KafkaPart) -> dict[tuple[str, str | None], dict[str, float]]:
    """Return the quotas by user and client id, None for the default client id.

    They override the user's quotas.
    Raises: as `list_quotas`.
    """
    return {
        (entity["user"] or _DEFAULT, entity[quota_requests.CLIENT]): values
        for entity, values in await _described(settings)
        if entity.keys() == {"user", quota_requests.CLIENT}
    }


async def set_client_quota(
    settings: KafkaPart, user: str, client: str | None, values: Mapping[str, float | None]
) -> None:
    """Set quotas of a user's client id, None for the default one. A value of None removes a quota.

    Raises: as `list_quotas`.
    """
    await _set(settings, quota_requests.alter_client(user, client, values))


async def set_quotas(settings: KafkaPart, changes: Mapping[str, Mapping[str, float | None]]) -> None:
    """Set quotas by user; a value of None removes one. Raises: as `list_quotas`."""
    if changes:
        await _set(settings, quota_requests.alter(changes))


async def _described(settings: KafkaPart) -> list[tuple[dict[str, str | None], dict[str, float]]]:
    async with _client(settings) as client:
        code, text, by_entity = await client.send(client.get_random_node(), quota_requests.describe())
    if code:
        raise _refused(settings, code, text)
    return [(dict(entity), values) for entity, values in by_entity.items()]


async def _set(settings: KafkaPart, request: Packed) -> None:
    async with _client(settings) as client:
        answers: dict[str, tuple[int, str]] = await client.send(client.get_random_node(), request)
    for code, text in answers.values():
        if code:
            raise _refused(settings, code, text)


@asynccontextmanager
async def _client(settings: KafkaPart) -> AsyncIterator[AIOKafkaClient]:
    await await_server(settings)
    try:
        async with connection.connected_client(settings) as client:
            yield client
    except KafkaError as error:
        raise BusError(f"Kafka at {settings.kafka} refused: {error!r}") from error


def _refused(settings: KafkaPart, code: int, text: str) -> BusError:
    return BusError(f"Kafka at {settings.kafka} refused: {text or for_code(code).__name__}")
