"""A real broker with one listener for each way to connect."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.dev.certificates import Authority
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.dev.servers.listeners import Listener
from pointsman.runtime.settings import KafkaPart
from tests.support.running.encrypted_key import encrypt_key

USER, PASSWORD = "alice", "correct horse: battery staple"
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_LOGIN = "org.apache.kafka.common.security"


def token(subject: str = USER, *, good_s: int = 3600) -> str:
    """A token for Kafka's unsecured validator: JSON without a signature."""
    now = int(time.time())
    parts = {"alg": "none"}, {"sub": subject, "iat": now - 7200, "exp": now + good_s}
    return "".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") + "." for part in parts
    )


class SecuredKafka:
    """`ca` signed the certificates of valid listeners. `settings`: valid settings for a listener."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self.other_ca = Authority(folder, "ca"), Authority(folder, "other-ca")
        good = _shows(self.ca.sign("broker", "127.0.0.1", "localhost").both)
        self.ours = self.ca.sign("us")
        encrypt_key(self.ours.key, b"its own")
        wants_ours = {
            "ssl.client.auth": "required",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca.file),
        }
        listeners = [
            Listener("TLS", "SSL", good),
            Listener("MUTUAL", "SSL", {**good, **wants_ours}),
            Listener("LOGIN", "SASL_PLAINTEXT", _logs_in(*_MECHANISMS)),
            Listener("BOTH", "SASL_SSL", {**good, **_logs_in(*_MECHANISMS)}),
            Listener("SCRAM", "SASL_SSL", {**good, **_logs_in("SCRAM-SHA-512")}),
            Listener("ELSEWHERE", "SSL", _shows(self.ca.sign("elsewhere", "kafka.example").both)),
            Listener("EXPIRED", "SSL", _shows(self.ca.sign("expired", "127.0.0.1", days=-1).both)),
        ]
        self.ports = {listener.name: listener.port for listener in listeners}
        self._protocols = {listener.name: listener.protocol for listener in listeners}
        users = [
            f"{mechanism}=[name={USER},password={PASSWORD}]"
            for mechanism in _MECHANISMS
            if "SCRAM" in mechanism
        ]
        self.broker = EmbeddedKafka(folder / "kafka", listeners=listeners, scram=users)
        self.ports["PLAIN"], self._protocols["PLAIN"] = self.broker.port, "PLAINTEXT"

    def settings(self, listener: str, mechanism: str | None = None, **other: Any) -> dict[str, Any]:
        """Arguments of `KafkaPart`."""
        protocol = self._protocols[listener]
        fields: dict[str, Any] = {
            "kafka": f"127.0.0.1:{self.ports[listener]}",
            "kafka_security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            fields["kafka_ca_file"] = str(self.ca.file)
        if listener == "MUTUAL":
            fields["kafka_certificate_file"] = str(self.ours.certificate)
            fields["kafka_key_file"] = str(self.ours.key)
            fields["kafka_key_password"] = "its own"
        if mechanism == "OAUTHBEARER":
            fields |= {"kafka_sasl_mechanism": mechanism, "kafka_token_file": self.file("token", token())}
        elif mechanism is not None:
            fields |= {"kafka_sasl_mechanism": mechanism, "kafka_username": USER, "kafka_password": PASSWORD}
        return {**fields, **other}

    def part(self, listener: str, mechanism: str | None = None, **other: Any) -> KafkaPart:
        return KafkaPart(**self.settings(listener, mechanism, **other))

    def file(self, name: str, content: str) -> str:
        made = self.folder / name
        made.write_text(content)
        return str(made)


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """The same settings for a process."""
    return {f"POINTSMAN_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Starts the broker, and stops it afterwards."""
    made = SecuredKafka(folder)
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.stop()


def _shows(file: Path) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(file)}


def _logs_in(*mechanisms: str) -> dict[str, str]:
    """A listener's user database for each mechanism."""
    modules = {
        "PLAIN": f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        "SCRAM-SHA-256": f"{_LOGIN}.scram.ScramLoginModule required;",
        "SCRAM-SHA-512": f"{_LOGIN}.scram.ScramLoginModule required;",
        "OAUTHBEARER": f"{_LOGIN}.oauthbearer.OAuthBearerLoginModule required;",
    }
    options = {f"{mechanism.lower()}.sasl.jaas.config": modules[mechanism] for mechanism in mechanisms}
    return {"sasl.enabled.mechanisms": ",".join(mechanisms), **options}
