"""A real broker that lets clients in by a password only, and to what an ACL says."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.dev.servers.kafka import EmbeddedKafka, Listener
from pointsman.runtime.settings import KafkaPart

ADMIN, ADMIN_PASSWORD = "admin", "only for tests"
_SCRAM = "scram-sha-512"
#: Only the broker itself comes by its plain listener here.
_AUTHORIZER = (
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=false",
)


@dataclasses.dataclass(frozen=True)
class _LogsIn(Listener):
    super_users: str = ""

    @property
    def lines(self) -> list[str]:
        return [*super().lines, *_AUTHORIZER, f"super.users=User:ANONYMOUS;{self.super_users}"]


class GuardedKafka:
    """`reauth_ms`: how long a connection goes on whose user is gone."""

    def __init__(self, folder: Path, prefix: str, *, reauth_ms: int = 0) -> None:
        self.prefix = prefix
        self.admin_user = f"{prefix}.{ADMIN}"
        settings = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            f"{_SCRAM}.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            f"{_SCRAM}.connections.max.reauth.ms": str(reauth_ms),
        }
        listener = _LogsIn("CLIENTS", "SASL_PLAINTEXT", settings, super_users=f"User:{self.admin_user}")
        self.port = listener.port
        user = f"SCRAM-SHA-512=[name={self.admin_user},password={ADMIN_PASSWORD}]"
        self.broker = EmbeddedKafka(folder / "kafka", listeners=[listener], scram=[user])

    def part(self, user: str, password: str) -> KafkaPart:
        """How a user gets in."""
        return KafkaPart(
            kafka=f"127.0.0.1:{self.port}",
            prefix=self.prefix,
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism="SCRAM-SHA-512",
            kafka_username=user,
            kafka_password=password,
        )

    @property
    def admin(self) -> KafkaPart:
        return self.part(self.admin_user, ADMIN_PASSWORD)


@contextmanager
def guarded_kafka(folder: Path, prefix: str = "pm", *, reauth_ms: int = 0) -> Iterator[GuardedKafka]:
    made = GuardedKafka(folder, prefix, reauth_ms=reauth_ms)
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.stop()
