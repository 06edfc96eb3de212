"""Attempts to log in to Kafka as somebody else or without a login all fail."""

from pathlib import Path
from typing import Any

import pytest

from pointsman.bus.errors import BusError
from pointsman.bus.tcp_check import await_server
from pointsman.dev.certificates import Authority
from pointsman.runtime.settings import KafkaPart
from tests.support.access.installation import PREFIX, Guarded

pytestmark = [pytest.mark.stack, pytest.mark.slow]

AGENT, ROUTER, ADMIN = f"{PREFIX}.agent.reader", f"{PREFIX}.router", f"{PREFIX}.admin"
_SCRAM = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-512"}
_NOBODY = {"kafka_sasl_mechanism": None, "kafka_username": "", "kafka_password": None}

#: Attempts, with their changes to the agent's valid settings.
ATTEMPTS: dict[str, dict[str, Any]] = {
    "another password": {"kafka_password": "guessed"},
    "the router, with the agent's password": {"kafka_username": ROUTER},
    "the super user, with the agent's password": {"kafka_username": ADMIN},
    "nobody that is known": {"kafka_username": "thief"},
    "the agent's name in capitals": {"kafka_username": AGENT.upper()},
    "the agent's name with a blank": {"kafka_username": f"{AGENT} "},
    "the router behind a comma": {"kafka_username": f"{AGENT},n={ROUTER}"},
    "a password in the clear": {"kafka_sasl_mechanism": "PLAIN"},
    "the weaker hash": {"kafka_sasl_mechanism": "SCRAM-SHA-256"},
    "the anonymous user": {"kafka_username": "ANONYMOUS"},
    "the brokers' own name": {"kafka_username": "CN=pointsman-broker"},
    "encrypted, without a login": {"kafka_security_protocol": "SSL", **_NOBODY},
    "without encryption or login": {"kafka_security_protocol": "PLAINTEXT", **_NOBODY},
    "a login without encryption": {"kafka_security_protocol": "SASL_PLAINTEXT"},
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_every_other_way_to_log_in_is_refused(guarded: Guarded, attempt: str) -> None:
    with pytest.raises(BusError):
        await await_server(_with(guarded, ATTEMPTS[attempt]), 1)


async def test_the_agent_itself_can_log_in(guarded: Guarded) -> None:
    await await_server(_with(guarded, {}))


@pytest.mark.parametrize("listener", ["BROKERS", "CONTROLLER"])
async def test_the_broker_listener_accepts_broker_certificates_only(
    guarded: Guarded, listener: str, tmp_path: Path
) -> None:
    certificate = Authority(tmp_path, "thief-ca").sign("pointsman-broker", "127.0.0.1")
    address = {"kafka": guarded.broker.address(listener)}
    nobody = {"kafka_security_protocol": "SSL", **_NOBODY, **address}
    false = {"kafka_certificate_file": certificate.certificate, "kafka_key_file": certificate.key}
    for attempt in (
        nobody,
        nobody | false,
        address,
        address | {"kafka_security_protocol": "PLAINTEXT", **_NOBODY},
    ):
        with pytest.raises(BusError):
            await await_server(_with(guarded, attempt), 1)


def _with(guarded: Guarded, other: dict[str, Any]) -> KafkaPart:
    return KafkaPart(**guarded.part(AGENT).model_dump() | other)
