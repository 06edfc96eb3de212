"""SCRAM's key derivation runs once for each password and salt; a timed out request closes its connection."""

import asyncio
import hashlib
from base64 import b64encode
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason, ScramAuthenticator
from aiokafka.errors import RequestTimedOutError

from pointsman.bus import renewed_login
from pointsman.bus.renewed_login import RenewedConnection

SALT, OTHER_SALT, ITERATIONS = b"salt", b"other salt", 4096


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Password and salt of each key derivation."""
    done: list[tuple[bytes, bytes]] = []
    original = hashlib.pbkdf2_hmac

    def noted(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        done.append((password, salt))
        return original(name, password, salt, iterations)

    renewed_login._salted.cache_clear()
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", noted)
    return done


async def login(password: str, salt: bytes = SALT) -> Any:
    connection = RenewedConnection(
        "localhost",
        1,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="worker",
        sasl_plain_password=password,
    )
    return _answered(connection.authenticator_scram(), salt)


def _answered(authenticator: Any, salt: bytes) -> Any:
    authenticator._nonce = "nonce"
    authenticator._auth_message = ""
    authenticator.first_message()
    answer = f"r=nonce-of-both,s={b64encode(salt).decode()},i={ITERATIONS}"
    authenticator.process_server_first_message(answer)
    return authenticator


async def test_the_rounds_are_done_once_for_a_password_and_its_salt(
    rounds: list[tuple[bytes, bytes]],
) -> None:
    for _ in range(3):
        await login("secret")
    assert rounds == [(b"secret", SALT)]
    await login("new secret")
    await login("secret", OTHER_SALT)
    assert rounds == [(b"secret", SALT), (b"new secret", SALT), (b"secret", OTHER_SALT)]


async def test_what_is_shown_is_what_the_client_itself_would_show() -> None:
    plain = ScramAuthenticator(
        loop=asyncio.get_running_loop(),
        sasl_plain_password="secret",
        sasl_plain_username="worker",
        sasl_mechanism="SCRAM-SHA-512",
    )
    expected = _answered(plain, SALT).final_message()
    assert [(await login("secret")).final_message() for _ in range(2)] == [expected, expected]


async def test_a_request_that_times_out_after_its_connection_was_removed_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[CloseReason] = []

    def never_answered(connection: AIOKafkaConnection, *_: object) -> Any:
        return asyncio.wait_for(asyncio.get_running_loop().create_future(), 0.01)

    monkeypatch.setattr(AIOKafkaConnection, "send", never_answered)
    monkeypatch.setattr(AIOKafkaConnection, "connected", lambda _: True)
    monkeypatch.setattr(RenewedConnection, "close", lambda _, reason: closed.append(reason))
    client = AIOKafkaClient(bootstrap_servers="localhost:1")
    client._conns[(1, ConnectionGroup.DEFAULT)] = RenewedConnection("localhost", 1)
    sending = asyncio.create_task(client.send(1, object()))
    await asyncio.sleep(0)
    client._conns.clear()  # as another task does that finds the connection closed
    with pytest.raises(RequestTimedOutError):
        await sending
    assert closed == [CloseReason.CONNECTION_TIMEOUT]
