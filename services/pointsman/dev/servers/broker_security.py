"""Require TLS and a login from every client of the embedded broker: certificates, super user, settings."""

import secrets
import ssl
from pathlib import Path
from urllib.parse import quote

from pointsman.dev.certificates import Authority, lasts
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.listeners import Listener, Listeners
from pointsman.runtime.private_file import kept_private
from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.tls import client_context
from pointsman_schemas.topic import DEFAULT_PREFIX

#: Brokers and controllers authenticate each other by a certificate with this name; they have no password.
_BROKER = "pointsman-broker"
_MECHANISM = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"

_GOOD_DAYS = 90

#: Longest time that a connection survives the deletion of its user.
_LOGIN_AGAIN_MS = 4000


class BrokerSecurity:
    """Certificates and passwords in the private `folder`. The super user's name begins with `prefix`."""

    def __init__(self, folder: Path, prefix: str = DEFAULT_PREFIX) -> None:
        self.folder = folder.absolute()
        self.admin = f"{prefix}.admin"
        self.ca_file = self.folder / "ca.pem"
        self._shown = self.folder / f"{_BROKER}.pem"

    def prepare(self) -> None:
        """Create missing certificates and replace those that expire soon, before the broker starts."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.ca_file.exists() and self._shown.exists() and lasts(self.ca_file)):
            authority = Authority(self.folder, "ca", days=_GOOD_DAYS)
            authority.sign(_BROKER, LOOPBACK, "localhost", days=_GOOD_DAYS)

    def file(self, user: str, ending: str) -> Path:
        """Return the path of a user's file. The name is quoted: an agent id may not be a file name."""
        return self.folder / f"{quote(user, safe='@:')}.{ending}"

    def password_file(self, user: str) -> Path:
        """Return the path of a user's password file; the file is created if it is missing."""
        return kept_private(self.file(user, "password"), lambda: secrets.token_hex(24))

    def settings(self, bootstrap: str, user: str | None = None) -> KafkaPart:
        """Return the client settings of `user`, else of the super user, whatever the environment."""
        user = user or self.admin
        return KafkaPart(
            kafka=bootstrap,
            kafka_security_protocol="SASL_SSL",
            kafka_ca_file=self.ca_file,
            kafka_certificate_file=None,
            kafka_key_file=None,
            kafka_sasl_mechanism=_MECHANISM,
            kafka_username=user,
            kafka_password=None,
            kafka_password_file=self.password_file(user),
        )

    @property
    def tls(self) -> ssl.SSLContext:
        """The TLS context of a client of the broker."""
        return client_context(self.ca_file, None, None, "")

    @property
    def users(self) -> list[str]:
        """The users to create when the broker is formatted, for `kafka-storage format --add-scram`."""
        password = self.password_file(self.admin).read_text()
        return [f"{_MECHANISM}=[name={self.admin},password={password}]"]

    def listeners(self, port: int) -> Listeners:
        """Return the listeners: clients log in over TLS; brokers and controllers show certificates."""
        shows = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(self._shown)}
        asks = {
            "ssl.client.auth": "required",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
        }
        scram = _MECHANISM.lower()
        logs_in = {
            "sasl.enabled.mechanisms": _MECHANISM,
            f"{scram}.sasl.jaas.config": _LOGIN,
            f"{scram}.connections.max.reauth.ms": str(_LOGIN_AGAIN_MS),
        }
        clients = Listener("CLIENTS", "SASL_SSL", shows | logs_in, port)
        brokers = Listener("BROKERS", "SSL", shows | asks)
        return Listeners([clients, brokers], brokers, Listener("CONTROLLER", "SSL", shows | asks))

    @property
    def lines(self) -> list[str]:
        """The authorization settings for the broker's file: everything is denied unless an ACL allows it."""
        return [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=false",
            f"super.users=User:{self.admin};User:CN={_BROKER}",
        ]
