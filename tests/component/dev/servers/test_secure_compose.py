"""compose/secure.yaml without Docker: a broker with its settings, set up by its commands."""

import asyncio
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.bus.admin.probe import probe
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.dev import cluster_keys
from pointsman.dev.ports import LOOPBACK, free_port, is_free
from pointsman.dev.servers.kafka import EmbeddedKafka, answers
from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.tls import client_context
from pointsman_schemas.topics import Topics
from tests.support.running.compose import FOLDER, interpolated, kafka_settings, merged

pytestmark = [pytest.mark.stack, pytest.mark.slow]

COMPOSE = merged("compose.yaml", "secure.yaml")
#: The ports of this machine that stand for the containers', drawn just before the broker starts.
PORTS: dict[int, int] = {}
NOBODYS = Topics().registry.name
USERS = (
    "router", "opinion", "review", "gateway", "audit", "operator",
    "worker.small", "worker.medium", "worker.frontier",
)  # fmt: skip


def here(text: str, folder: Path) -> str:
    """A setting with this machine's paths and ports."""
    for port, ours in PORTS.items():
        text = text.replace(f"://:{port}", f"://{LOOPBACK}:{ours}").replace(
            f"kafka:{port}", f"{LOOPBACK}:{ours}"
        )
    text = text.replace(f"{LOOPBACK}:29092", f"{LOOPBACK}:{PORTS[29092]}")
    for place in ("broker", "admin", "logins"):
        text = text.replace(f"/run/{place}", str(folder / place))
    return text.replace("/var/lib/kafka/data", str(folder / "kafka" / "data")).replace(
        "/etc/pointsman", str(FOLDER / "config")
    )


class Broker(EmbeddedKafka):
    """A broker with the container's settings."""

    def _write_settings(self) -> Path:
        settings = kafka_settings(COMPOSE["services"]["kafka"]["environment"])
        voters = settings.pop("controller.quorum.voters")
        settings["controller.quorum.bootstrap.servers"] = voters.removeprefix("1@")  # formatted as standalone
        file = super()._write_settings()
        file.write_text(
            "".join(
                f"{name}={here(interpolated(value, {}), file.parents[1])}\n"
                for name, value in settings.items()
            )
        )
        return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    PORTS.update({port: free_port() for port in (9092, 9093, 9094, 29092)})
    place = tmp_path_factory.mktemp("compose")
    for name in ("broker", "admin", "logins"):
        (place / name).mkdir()
    cluster_keys.make(place / "broker", place / "admin", ["kafka", "localhost", LOOPBACK])
    tls = client_context(place / "broker" / "ca.pem", None, None, "")
    security: Any = SimpleNamespace(tls=tls, users=[], prepare=lambda: None, listeners=None, lines=[])
    broker = Broker(place / "kafka", PORTS[9092], security=security)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedKafka, "_listeners", SimpleNamespace(lines=[]))
        broker.start()
    while any(is_free(PORTS[port]) for port in (9092, 9094, 29092)):  # listeners are opened one by one
        broker.check()
        time.sleep(0.05)
    yield place
    broker.stop()


def environment(service: str, folder: Path, postgres: str) -> dict[str, str]:
    """The container's environment with this machine's paths and ports."""
    given = COMPOSE["services"][service]["environment"]
    variables = {name: here(interpolated(str(value), {}), folder) for name, value in given.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    if "POINTSMAN_POSTGRES_OWNER" in variables:
        variables["POINTSMAN_POSTGRES_OWNER"] = postgres
    return kept | variables


async def publish(part: KafkaPart) -> None:
    """Publishes to a topic to which neither a service nor the operator writes."""
    async with Publisher(part) as publisher:
        await publisher.publish([Outgoing(NOBODYS, None, b"{}", [])], within=30)


def test_setup_gives_each_service_its_login_and_the_broker_asks_for_it(folder: Path, database: str) -> None:
    (script,) = COMPOSE["services"]["setup"]["command"]
    for user in USERS:
        (folder / "logins" / user).mkdir(parents=True)
    program = f"{shlex.quote(sys.executable)} -m pointsman.cli.main"
    words = here(interpolated(script, {}), folder).replace("pointsman ", f"{program} ")
    words = words.replace("chown -R 10001:10001", "true")  # needs root, as in the container
    done = subprocess.run(
        ["sh", "-c", words],
        env=environment("setup", folder, database),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not answers(PORTS[9092]) and not answers(PORTS[29092]) and not answers(PORTS[9094]), "plain"
    for user in USERS:
        login = folder / "logins" / user
        assert (login / "env").stat().st_mode & 0o777 == 0o600
        variables = dict(line.split("=", 1) for line in (login / "env").read_text().splitlines())
        assert variables["POINTSMAN_KAFKA_USERNAME"] == f"pointsman.{user}"
        service = user.replace(".", "-")
        variables = environment(service, folder, database) | variables
        variables["POINTSMAN_KAFKA_CA_FILE"] = variables["POINTSMAN_KAFKA_CA_FILE"].replace(
            "/run/pointsman", str(login)
        )
        assert ("postgresql://pointsman." in variables["POINTSMAN_CLAIMS"]) is (
            user not in ("audit", "operator")
        )
        assert ("POINTSMAN_POSTGRES_WRITER" in variables) is (user == "audit")
        fields: dict[str, Any] = {
            name.removeprefix("POINTSMAN_").lower(): value for name, value in variables.items()
        }
        part = KafkaPart(**{name: value for name, value in fields.items() if name in KafkaPart.model_fields})
        seen = asyncio.run(probe(part))
        assert seen.problem is None, (user, seen.problem)
        with pytest.raises(BusError, match=f"not for {part.kafka_username}|TopicAuthorizationFailed"):
            asyncio.run(publish(part))
