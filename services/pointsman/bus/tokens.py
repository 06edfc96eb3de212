"""Tokens for OAUTHBEARER, from a file or a program, read anew at each login."""

import asyncio

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.token_source import TokenSourceError, token_by_command, token_in_file


class TokenError(KafkaError):  # type: ignore[misc]
    """No token can be read. Derived from Kafka's errors, as clients retry only after those."""


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """The token provider for aiokafka."""

    def __init__(self, settings: KafkaPart) -> None:
        self._settings = settings

    async def token(self) -> str:
        """Return a token. Raises: TokenError."""
        return await asyncio.to_thread(read_token, self._settings)


def read_token(settings: KafkaPart) -> str:
    """Return a token for a login now.

    Raises:
        TokenError: none can be read; the text repeats nothing that was read.
    """
    try:
        if settings.kafka_token_file is not None:
            return token_in_file(settings.kafka_token_file, "POINTSMAN_KAFKA_TOKEN_FILE")
        return token_by_command(settings.kafka_token_command, "POINTSMAN_KAFKA_TOKEN_COMMAND")
    except TokenSourceError as error:
        raise TokenError(str(error)) from error
