"""TLS and login options for each client library, read again for each client.

Objects made from a file that may be replaced have a method `renew`, see `pointsman.bus.renewed_login`.
"""

import ssl
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from pointsman.bus.errors import KafkaLoginError
from pointsman.bus.tokens import TokenProvider, read_token
from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.tls import UnusableFileError, client_context

if TYPE_CHECKING:
    from faststream.security import BaseSecurity

#: The lifetime that librdkafka assumes for a token, in seconds; it renews it at four fifths of that.
_TOKEN_S = 300.0
#: The largest file with a secret, in bytes.
_MOST_BYTES = 64 * 1024


class _FilePassword(str):
    """A password from a file; `renew` reads the file again."""

    settings: KafkaPart

    def renew(self) -> str:
        """Read the file again. Raises: KafkaLoginError."""
        return password(self.settings)


def for_aiokafka(settings: KafkaPart) -> dict[str, Any]:
    """Return options for aiokafka's clients.

    Raises:
        KafkaLoginError: a file cannot be used.
    """
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.encrypts:
        options["ssl_context"] = tls(settings)
    if settings.logs_in:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = TokenProvider(settings)
        else:
            options["sasl_plain_username"] = settings.kafka_username
            options["sasl_plain_password"] = _renewable(settings)
    return options


def for_librdkafka(settings: KafkaPart) -> dict[str, Any]:
    """Return options for librdkafka's clients; raises as `for_aiokafka`."""
    options: dict[str, Any] = {"security.protocol": settings.kafka_security_protocol}
    if settings.encrypts:
        tls(settings)  # for its clearer errors
        if settings.kafka_ca_file is not None:
            options["ssl.ca.location"] = str(settings.kafka_ca_file)
        if settings.kafka_certificate_file is not None:
            options["ssl.certificate.location"] = str(settings.kafka_certificate_file)
            options["ssl.key.location"] = str(settings.kafka_key_file or settings.kafka_certificate_file)
            if (secret := _key_password(settings)) is not None:
                options["ssl.key.password"] = secret
    if settings.logs_in:
        options["sasl.mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            options["oauth_cb"] = lambda _: (read_token(settings), time.time() + _TOKEN_S)
        else:
            options["sasl.username"] = settings.kafka_username
            options["sasl.password"] = password(settings)
    return options


def for_faststream(settings: KafkaPart) -> dict[str, Any]:
    """Return options for FastStream's broker; raises as `for_aiokafka`."""
    from faststream import security

    context = tls(settings) if settings.encrypts else None
    if not settings.logs_in:
        return {"security": security.BaseSecurity(ssl_context=context)}
    if settings.kafka_sasl_mechanism == "OAUTHBEARER":
        return {
            "security": security.SASLOAuthBearer(ssl_context=context, use_ssl=settings.encrypts),
            "sasl_oauth_token_provider": TokenProvider(settings),
        }
    kinds: dict[str | None, type[Any]] = {
        "PLAIN": security.SASLPlaintext,
        "SCRAM-SHA-256": security.SASLScram256,
        "SCRAM-SHA-512": security.SASLScram512,
    }
    login: BaseSecurity = kinds[settings.kafka_sasl_mechanism](
        settings.kafka_username, _renewable(settings), ssl_context=context, use_ssl=settings.encrypts
    )
    return {"security": login}


def tls(settings: KafkaPart) -> ssl.SSLContext:
    """Return a TLS context that trusts the configured CA or else the system's, and checks host names.

    Raises:
        KafkaLoginError: a file cannot be used.
    """
    secret = _key_password(settings) or ""
    files = settings.kafka_ca_file, settings.kafka_certificate_file, settings.kafka_key_file
    try:
        context = client_context(*files, secret)
    except UnusableFileError as error:
        names = {"ca": "CA_FILE", "certificate": "CERTIFICATE_FILE and POINTSMAN_KAFKA_KEY_FILE"}
        raise _unusable(names[error.role], str(error)) from error
    if any(files):  # the system's CAs are costly to load, and change with the system
        context.renew = partial(tls, settings)  # type: ignore[attr-defined]
    return context


def password(settings: KafkaPart) -> str:
    """Return the login's password; raises as `tls`."""
    return _secret("PASSWORD", settings.kafka_password, settings.kafka_password_file) or ""


def _renewable(settings: KafkaPart) -> str:
    if settings.kafka_password_file is None:
        return password(settings)
    file_password = _FilePassword(password(settings))
    file_password.settings = settings
    return file_password


def _key_password(settings: KafkaPart) -> str | None:
    return _secret("KEY_PASSWORD", settings.kafka_key_password, settings.kafka_key_password_file)


def _secret(name: str, secret: SecretStr | None, file: Path | None) -> str | None:
    if file is None:
        return None if secret is None else secret.get_secret_value()
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_MOST_BYTES).rstrip("\r\n")
    except OSError as error:
        raise _unusable(f"{name}_FILE", f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise _unusable(f"{name}_FILE", f"{file} does not hold text in UTF-8") from None


def _unusable(name: str, why: str) -> KafkaLoginError:
    return KafkaLoginError(
        f"POINTSMAN_KAFKA_{name}: {why}", "name files that this user may read, and whole ones"
    )
