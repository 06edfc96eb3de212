"""The cluster's SCRAM-SHA-512 users; passwords can be set, never read."""

from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from pointsman.bus.admin import rdkafka
from pointsman.runtime.settings import KafkaPart

MECHANISM = "SCRAM-SHA-512"
#: Kafka's default is its minimum, 4096.
ITERATIONS = 8192
_NAMES = {ScramMechanism.SCRAM_SHA_256: "SCRAM-SHA-256", ScramMechanism.SCRAM_SHA_512: MECHANISM}
_MECHANISMS = {name: mechanism for mechanism, name in _NAMES.items()}
#: librdkafka has no name for RESOURCE_NOT_FOUND.
_NOT_FOUND = 91


async def list_users(settings: KafkaPart) -> dict[str, frozenset[str]]:
    """Return every user that has a password, with its mechanisms.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer, or refused.
    """
    admin = await rdkafka.admin(settings)
    future: Any = admin.describe_user_scram_credentials(None, request_timeout=rdkafka.REQUEST_S)
    credentials = await rdkafka.answer(settings, future)
    return {
        user: frozenset(
            _NAMES.get(info.mechanism, str(info.mechanism))
            for info in user_credentials.scram_credential_infos
        )
        for user, user_credentials in credentials.items()
    }


async def set_passwords(settings: KafkaPart, passwords: Mapping[str, str]) -> None:
    """Create users, or change their passwords. Raises: as `list_users`."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    await _alter(
        settings,
        [UserScramCredentialUpsertion(user, info, word.encode()) for user, word in passwords.items()],
    )


async def remove_users(settings: KafkaPart, users: Collection[tuple[str, str]]) -> None:
    """Remove each user's password for the given mechanism; missing ones are ignored.

    Raises: as `list_users`.
    """
    await _alter(
        settings, [UserScramCredentialDeletion(user, _MECHANISMS[mechanism]) for user, mechanism in users]
    )


async def _alter(
    settings: KafkaPart, changes: list[UserScramCredentialUpsertion] | list[UserScramCredentialDeletion]
) -> None:
    if not changes:
        return
    admin = await rdkafka.admin(settings)
    futures = admin.alter_user_scram_credentials([*changes], request_timeout=rdkafka.REQUEST_S)
    await rdkafka.carried_out(settings, futures.values(), already=[_NOT_FOUND])
