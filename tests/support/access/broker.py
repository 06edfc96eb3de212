"""A real broker that lets clients in by a password only, and to what an ACL says."""

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
        self.broker = EmbeddedKafka(folder / "kafka", security=BrokerSecurity(folder / "secure", prefix))

    def part(self, user: str, password: str) -> KafkaPart:
        """How a user gets in."""
        new = {"kafka_username": user, "kafka_password": password, "kafka_password_file": None}
        return KafkaPart(**self.admin.model_dump() | {"prefix": self.prefix} | new)

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
