"""Reconnects before a connection's login expires, as aiokafka does not re-authenticate open connections.

Each new connection reads the settings' files again, so passwords and CAs can be replaced while it runs.

A broker with `connections.max.reauth.ms` closes a connection at the first request after that time: without
this, a request would fail and be reported as an error.
"""

import hashlib
import time
from contextlib import suppress
from functools import lru_cache
from typing import Any

from aiokafka import client
from aiokafka.conn import AIOKafkaConnection, CloseReason, ScramAuthenticator
from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.admin import SaslAuthenticateRequest

from pointsman.bus.errors import KafkaLoginError

#: Renew after this share of the login's lifetime, so that the last response arrives in time.
_PART = 0.6


@lru_cache(maxsize=16)
def _salted(hash_name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(hash_name, password, salt, iterations)


class _KnownPassword(ScramAuthenticator):  # type: ignore[misc]
    """Computes SCRAM's thousands of rounds once per password and salt, not at each login."""

    def create_salted_password(self, salt: bytes, iterations: int) -> None:
        self._salted_password = _salted(self._hashname, self._sasl_plain_password, salt, iterations)


class RenewedConnection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka has no types
    """Closes itself shortly before its login expires, when no request is in flight; the client reconnects."""

    _renewed_at: float | None = None

    def connected(self) -> bool:
        """Whether the connection may be used; the client asks before each request."""
        if self._renewed_at is not None and time.monotonic() > self._renewed_at and not self._requests:
            self.close()
        return bool(super().connected())

    def authenticator_scram(self) -> ScramAuthenticator:
        return _KnownPassword(
            loop=self._loop,
            sasl_plain_password=self._sasl_plain_password,
            sasl_plain_username=self._sasl_plain_username,
            sasl_mechanism=self._sasl_mechanism,
        )

    def send(self, request: Any, expect_response: bool = True) -> Any:
        return self._answered(super().send(request, expect_response), request)

    async def _answered(self, answer: Any, request: Any) -> Any:
        try:
            response = await answer
        except TimeoutError as error:
            # The client would close the connection by its place, where another task may just have removed it.
            self.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise RequestTimedOutError from error
        if isinstance(request, SaslAuthenticateRequest):
            lifetime_ms = getattr(response, "session_lifetime_ms", 0)
            self._renewed_at = time.monotonic() + lifetime_ms / 1000 * _PART if lifetime_ms else None
        return response


async def _create(*place: Any, **options: Any) -> RenewedConnection:
    for name, given in options.items():
        if (renew := getattr(given, "renew", None)) is not None:
            with suppress(KafkaLoginError):  # an unreadable file: use its previous content
                options[name] = renew()
    made = RenewedConnection(*place, **options)
    await made.connect()
    return made


def install() -> None:
    """Make all aiokafka clients create their connections this way from now on."""
    client.create_conn = _create
