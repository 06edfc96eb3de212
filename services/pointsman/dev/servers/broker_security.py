"""Lets nobody into the embedded broker without TLS and a login: certificates, the super user, settings."""

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

#: How brokers and controllers know each other: by a certificate with this name. No password of theirs exists.
_BROKER = "pointsman-broker"
_MECHANISM = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"

_GOOD_DAYS = 90

#: For so long a connection goes on whose user is gone.
_LOGIN_AGAIN_MS = 4000


class BrokerSecurity:
    """Kept in `folder`, for its owner alone; `prefix` begins the name of the super user."""

    def __init__(self, folder: Path, prefix: str = DEFAULT_PREFIX) -> None:
        self.folder = folder.absolute()
        self.admin = f"{prefix}.admin"
        self.ca_file = self.folder / "ca.pem"
        self._shown = self.folder / f"{_BROKER}.pem"

    def prepare(self) -> None:
        """Make what is missing, and certificates that end soon anew, while no broker runs."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.ca_file.exists() and self._shown.exists() and lasts(self.ca_file)):
            authority = Authority(self.folder, "ca", days=_GOOD_DAYS)
            authority.sign(_BROKER, LOOPBACK, "localhost", days=_GOOD_DAYS)

    def file(self, user: str, ending: str) -> Path:
        """Where something of a user's is kept; an agent's id may hold what no name of a file does."""
        return self.folder / f"{quote(user, safe='@:')}.{ending}"

    def password_file(self, user: str) -> Path:
        """Where a user's password is; one is made where there is none."""
        return kept_private(self.file(user, "password"), lambda: secrets.token_hex(24))

    def settings(self, bootstrap: str, user: str | None = None) -> KafkaPart:
        """How a user gets in, the super user unless another is named, whatever the environment says."""
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
        """To speak with the broker."""
        return client_context(self.ca_file, None, None, "")

    @property
    def users(self) -> list[str]:
        """Who is there before the broker runs, as `kafka-storage format --add-scram` takes them."""
        password = self.password_file(self.admin).read_text()
        return [f"{_MECHANISM}=[name={self.admin},password={password}]"]

    def listeners(self, port: int) -> Listeners:
        """Clients log in, by TLS; brokers and controllers show their certificate to each other."""
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
        """Who may do what, in the broker's file: nobody anything, unless an ACL says so."""
        return [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=false",
            f"super.users=User:{self.admin};User:CN={_BROKER}",
        ]
