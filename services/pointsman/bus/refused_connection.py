"""Explains in one line why a connection to a broker failed, and what to do."""

import asyncio
import ssl
import struct
from enum import Enum, auto

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from pointsman.bus.errors import BusError, KafkaLoginError
from pointsman.bus.tokens import TokenError
from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.tls import distrust

#: Errors of a connection; the last few occur if the server is no Kafka broker.
FAILURES = (
    KafkaError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AssertionError, struct.error
)  # fmt: skip

#: Words in TLS alerts of a server that requires a client certificate, or another one.
_OUR_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")

_PROTOCOL = "POINTSMAN_KAFKA_SECURITY_PROTOCOL"


class ConnectionStage(Enum):
    """How far a connection got: TCP and TLS; requests before the login; requests that need the login."""

    CONNECTING = auto()
    LOGGING_IN = auto()
    LET_IN = auto()


def explain(
    error: BaseException, stage: ConnectionStage, settings: KafkaPart, address: tuple[str, int], within: float
) -> BusError:
    """Return the error for a failed connection: a `KafkaLoginError` if a server answers but refuses us."""
    (host, port), cause = address, _cause(error)
    at = f"Kafka at {host}:{port}"
    match cause:
        case TokenError():
            return KafkaLoginError(str(cause.args[0]), "run or read it by hand, as the user of this process")
        case ssl.SSLCertVerificationError():
            return _distrusted(cause, at, settings)
        case ssl.SSLError():
            return _no_tls(cause, at)
        case UnsupportedSaslMechanismError():
            return KafkaLoginError(
                f"{at} does not offer {settings.kafka_sasl_mechanism}",
                "set POINTSMAN_KAFKA_SASL_MECHANISM to one of the listener's sasl.enabled.mechanisms",
            )
        case IllegalSaslStateError():
            return KafkaLoginError(
                f"{at} takes no login on this listener",
                f"set {_PROTOCOL} to {'SSL' if settings.encrypts else 'PLAINTEXT'}, or name the port of "
                "another listener",
            )
        case SaslAuthenticationFailed():
            return _refused(at, settings, " ".join(str(cause.args[0] if cause.args else "").split())[:200])
        case TimeoutError():
            return BusError(
                f"{host}:{port} did not answer within {within:.3g} s (a firewall, or the wrong address; "
                f"or it is set up for another {_PROTOCOL} than {settings.kafka_security_protocol})"
            )
        case ConnectionRefusedError():
            return BusError(f"nothing listens on {host}:{port}")
        case asyncio.IncompleteReadError() | ConnectionResetError() | BrokenPipeError():
            return _closed(stage, at, settings)
        case OSError():
            return BusError(f"{host}:{port}: {cause.strerror or cause}")
        case ValueError() if "signature" in str(cause):  # the server does not know the password
            return KafkaLoginError(
                f"{at} does not prove that it knows our password", "see that it is the right server"
            )
        case _:
            return BusError(f"something listens at {host}:{port}, but it is no Kafka broker ({cause!r})")


def _cause(error: BaseException) -> BaseException:
    """Return the error behind aiokafka's generic connection error."""
    while isinstance(error, KafkaConnectionError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _distrusted(error: ssl.SSLCertVerificationError, at: str, settings: KafkaPart) -> KafkaLoginError:
    problem, hint = distrust(
        error,
        settings.kafka_ca_file,
        ca_setting="POINTSMAN_KAFKA_CA_FILE",
        addresses="POINTSMAN_KAFKA and the brokers' advertised.listeners",
    )
    return KafkaLoginError(f"the certificate of {at} {problem}", hint)


def _no_tls(error: ssl.SSLError, at: str) -> KafkaLoginError:
    reason = error.reason or ""
    if "ALERT" in reason and any(word in reason for word in _OUR_CERTIFICATE):
        alert = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return KafkaLoginError(
            f"{at} wants a certificate of ours that it trusts ({alert})",
            "set POINTSMAN_KAFKA_CERTIFICATE_FILE and POINTSMAN_KAFKA_KEY_FILE to one that its CA signed",
        )
    return _speaks_plain(at, reason.replace("_", " ").lower() or str(error))


def _speaks_plain(at: str, why: str) -> KafkaLoginError:
    return KafkaLoginError(
        f"{at} does not speak TLS with us ({why})",
        f"set {_PROTOCOL} to PLAINTEXT or SASL_PLAINTEXT, or name the port of its TLS listener",
        sure=False,
    )


def _refused(at: str, settings: KafkaPart, reason: str) -> KafkaLoginError:
    reason = f": {reason}" if reason else ""
    if settings.kafka_sasl_mechanism == "OAUTHBEARER":
        return KafkaLoginError(
            f"{at} refuses our token{reason}", "see that it is for this cluster and still valid"
        )
    login = f"{settings.kafka_username!r} by {settings.kafka_sasl_mechanism}"
    return KafkaLoginError(
        f"{at} refuses the login of {login}{reason}",
        "check POINTSMAN_KAFKA_USERNAME and POINTSMAN_KAFKA_PASSWORD, and that the user has a password for "
        "this mechanism",
    )


def _closed(stage: ConnectionStage, at: str, settings: KafkaPart) -> BusError:
    """Explain why the server closed the connection without an error."""
    match stage:
        case ConnectionStage.CONNECTING if settings.encrypts:
            return _speaks_plain(at, "it closes the connection")
        case ConnectionStage.CONNECTING:
            return KafkaLoginError(
                f"{at} closes a plain connection: it speaks TLS there, or it is no Kafka broker",
                f"set {_PROTOCOL} to SSL or SASL_SSL, or name the port of its plain listener",
                sure=False,
            )
        case ConnectionStage.LET_IN if settings.kafka_sasl_mechanism == "OAUTHBEARER" and settings.logs_in:
            return _refused(at, settings, "")
        case _ if settings.logs_in:
            return KafkaLoginError(f"{at} closes the connection at login", "see the broker's log", sure=False)
        case _:
            return KafkaLoginError(
                f"{at} closes a connection that does not log in",
                f"set {_PROTOCOL} to {'SASL_SSL' if settings.encrypts else 'SASL_PLAINTEXT'}, with "
                "POINTSMAN_KAFKA_SASL_MECHANISM and what it wants",
                sure=False,
            )
