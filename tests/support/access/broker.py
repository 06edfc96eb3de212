"""A real broker with password logins and ACLs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from pointsman.bus import connection
from pointsman.bus.admin import rdkafka
from pointsman.dev.certificates import Authority
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.runtime.private_file import write_private
from pointsman.runtime.settings import KafkaPart


class GuardedKafka:
    """`admin`: connection settings of the superuser, whose name begins with `prefix`."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.prefix = prefix
        self._folder = folder / "kafka"
        self.broker = EmbeddedKafka(self._folder, security=BrokerSecurity(folder / "secure", prefix))

    def part(self, user: str, password: str) -> KafkaPart:
        """A user's connection settings."""
        new = {"kafka_username": user, "kafka_password": password, "kafka_password_file": None}
        return KafkaPart(**self.admin.model_dump() | {"prefix": self.prefix} | new)

    def address(self, listener: str) -> str:
        """The address of a listener that is not advertised to clients."""
        for line in (self._folder / "server.properties").read_text().splitlines():
            if line.startswith("listeners="):
                return re.search(rf"{listener}://([^,]+)", line)[1]  # type: ignore[index]
        raise LookupError(listener)

    @property
    def admin(self) -> KafkaPart:
        return self.broker.settings


async def show_another(admin: KafkaPart, by: Authority, *trusting: Path) -> None:
    """Makes the running broker show a certificate of another CA, and adds that CA to the CA files.

    The change is permanent.
    """
    assert admin.kafka_ca_file is not None
    for trusted in (admin.kafka_ca_file, *trusting):
        write_private(trusted, trusted.read_text() + by.file.read_text())
    file = by.sign("pointsman-broker", "127.0.0.1", "localhost").both
    place = "listener.name.clients.ssl.keystore.location"
    entry = ConfigEntry(place, str(file), incremental_operation=AlterConfigOpType.SET)
    broker = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
    client = connection.cluster_admin(admin)
    asked = client.incremental_alter_configs([broker], request_timeout=60)
    await rdkafka.answer(admin, asked[broker])


@contextmanager
def guarded_kafka(folder: Path, prefix: str = "pm") -> Iterator[GuardedKafka]:
    made = GuardedKafka(folder, prefix)
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.stop()
