"""The embedded broker in secure mode: logins, file permissions and messages."""

import asyncio
import logging
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509

from pointsman.bus.admin.probe import probe
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.dev.certificates import Authority
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.kafka import EmbeddedKafka, answers
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TOPIC = Topics().dead


class Secure:
    """A broker, and the command lines of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.security = BrokerSecurity(folder / "secure")
        self.broker = EmbeddedKafka(folder / "kafka", security=self.security)
        self.arguments = ""

    def start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = subprocess.run

        def noted(command: list[str], **options: Any) -> Any:
            self.arguments += f"{command}"
            return run(command, **options)

        monkeypatch.setattr(subprocess, "run", noted)
        self.broker.start()
        self.arguments += f"{psutil.Process(self.broker.child.pid).cmdline()}"

    def part(self, **other: Any) -> KafkaPart:
        return KafkaPart(**self.broker.settings.model_dump() | other)

    @property
    def password(self) -> str:
        return self.security.password_file(self.security.admin).read_text()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    made = Secure(tmp_path_factory.mktemp("secure"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        made.start(monkeypatch)
    yield made
    made.broker.stop()


async def test_the_superuser_logs_in_with_tls_and_a_password(secure: Secure) -> None:
    settings = secure.broker.settings
    assert (settings.kafka_security_protocol, settings.kafka_username) == ("SASL_SSL", "pointsman.admin")
    await apply(settings, [TOPIC])
    async with Publisher(settings) as publisher:
        await publisher.publish([Outgoing(TOPIC.name, None, b"said", [])], within=30)
    records = follow(settings, [TOPIC.name], start="beginning", until_end=True)
    assert [record.value async for record in records] == [b"said"]


async def test_a_connection_logs_in_again_before_the_broker_ends_it(
    secure: Secure, caplog: pytest.LogCaptureFixture
) -> None:
    settings = secure.broker.settings
    sent: list[bytes] = []
    await apply(settings, [TOPIC])
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, "aiokafka")

    def logins() -> int:
        return sum("Authenticated as" in record.getMessage() for record in caplog.records)

    async with Publisher(settings) as publisher, asyncio.timeout(120):
        first = logins()
        while logins() < first + 4:
            sent.append(f"{len(sent)}".encode())
            await publisher.publish([Outgoing(TOPIC.name, b"again", sent[-1], [])], within=30)
            await asyncio.sleep(0.05)
    follower = follow(settings, [TOPIC.name], start="beginning", until_end=True)
    assert [record.value async for record in follower if record.key == b"again"] == sent
    assert not [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


async def test_a_wrong_connection_is_explained_in_one_line(secure: Secure) -> None:
    other = Authority(secure.folder, "other")
    without_login: dict[str, Any] = {
        "kafka_sasl_mechanism": None, "kafka_username": "", "kafka_password_file": None
    }  # fmt: skip
    plain = {"kafka_security_protocol": "PLAINTEXT", **without_login}
    wrong = {"kafka_password_file": None, "kafka_password": "wrong"}
    mistakes = {
        "without TLS": (plain, "closes a plain connection: it speaks TLS there"),
        "login without TLS": (
            {"kafka_security_protocol": "SASL_PLAINTEXT"},
            "closes a plain connection: it speaks TLS there",
        ),
        "without login": (
            {"kafka_security_protocol": "SSL", **without_login},
            "closes a connection that does not log in",
        ),
        "wrong password": (wrong, "refuses the login of 'pointsman.admin'"),
        "nobody's name": ({**wrong, "kafka_username": "nobody"}, "refuses the login of 'nobody'"),
        "PLAIN": ({"kafka_sasl_mechanism": "PLAIN"}, "does not offer PLAIN"),
        "another CA": ({"kafka_ca_file": other.file}, "is not signed by the CA in .*other.pem"),
    }
    for mistake, (settings, line) in mistakes.items():
        problem = (await probe(secure.part(**settings))).problem
        assert problem is not None, mistake
        assert re.search(line, problem), (mistake, problem)
        assert "\n" not in problem and secure.password not in problem, mistake


def shake_hands(port: int, tls: ssl.SSLContext) -> None:
    """Starts a TLS handshake. Returns the server's error."""
    with (
        socket.create_connection((LOOPBACK, port), 10) as connection,
        tls.wrap_socket(connection, server_hostname=LOOPBACK) as spoken,
    ):
        spoken.recv(1)


def listening(pid: int) -> set[int]:
    return {
        connection.laddr.port
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == "LISTEN"
    }


def test_every_listener_requires_tls_and_a_login(secure: Secure) -> None:
    ports = listening(secure.broker.child.pid)
    assert secure.broker.port in ports and len(ports) == 3, "clients, brokers, controllers"
    for port in ports:
        assert not answers(port), "plain"
    for port in ports - {secure.broker.port}:
        assert not answers(port, secure.security.tls), "TLS, and no certificate to show"
        with pytest.raises(ssl.SSLError, match=r"ALERT_BAD_CERTIFICATE|CERTIFICATE_REQUIRED"):
            shake_hands(port, secure.security.tls)


def test_secrets_are_in_files_for_their_owner_and_nowhere_else(secure: Secure) -> None:
    assert secure.password and secure.password not in secure.arguments
    key = "PRIVATE KEY"
    for root, _, names in os.walk(secure.folder):
        for name in names:
            file = Path(root) / name
            text = file.read_bytes().decode(errors="replace")
            if secure.password in text or key in text:
                assert file.parent == secure.folder / "secure", file
                assert file.stat().st_mode & 0o777 == 0o600, file
    for folder in ("secure", "kafka"):
        assert (secure.folder / folder).stat().st_mode & 0o777 == 0o700


def test_certificates_are_kept_until_shortly_before_they_expire(tmp_path: Path) -> None:
    def serial() -> int:
        return x509.load_pem_x509_certificate((tmp_path / "secure" / "ca.pem").read_bytes()).serial_number

    security = BrokerSecurity(tmp_path / "secure")
    security.prepare()
    first, password = serial(), security.password_file(security.admin).read_text()
    security.prepare()
    assert serial() == first
    certificate = x509.load_pem_x509_certificate((tmp_path / "secure" / "pointsman-broker.crt").read_bytes())
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < now + timedelta(days=80) < certificate.not_valid_after_utc
    Authority(tmp_path / "secure", "ca", days=29)  # as certificates are two months later
    late = serial()
    security.prepare()
    assert serial() not in (first, late)
    assert security.password_file(security.admin).read_text() == password, "the broker knows it"
