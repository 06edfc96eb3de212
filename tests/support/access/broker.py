"""A real broker that lets clients in by a password only, and to what an ACL says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.runtime.settings import KafkaPart


class GuardedKafka:
    """`admin`: how its super user, who is called after `prefix`, gets in."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.prefix = prefix
        self._folder = folder / "kafka"
        self.broker = EmbeddedKafka(self._folder, security=BrokerSecurity(folder / "secure", prefix))

    def part(self, user: str, password: str) -> KafkaPart:
        """How a user gets in."""
        new = {"kafka_username": user, "kafka_password": password, "kafka_password_file": None}
        return KafkaPart(**self.admin.model_dump() | {"prefix": self.prefix} | new)

    def address(self, listener: str) -> str:
        """Of one of the ways in that clients are not told of."""
        for line in (self._folder / "server.properties").read_text().splitlines():
            if line.startswith("listeners="):
                return re.search(rf"{listener}://([^,]+)", line)[1]  # type: ignore[index]
        raise LookupError(listener)

    @property
    def admin(self) -> KafkaPart:
        return self.broker.settings


@contextmanager
def guarded_kafka(folder: Path, prefix: str = "pm") -> Iterator[GuardedKafka]:
    made = GuardedKafka(folder, prefix)
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.stop()
