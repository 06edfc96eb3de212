"""Settings that several services share, read from the environment when built."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pointsman_schemas.topic import DEFAULT_PREFIX

if TYPE_CHECKING:
    from pointsman_schemas.topics import Topics

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

EMPTY_IS_NONE = BeforeValidator(lambda given: None if given == "" else given)
OptionalFile = Annotated[Path | None, EMPTY_IS_NONE]
_Secret = Annotated[SecretStr | None, EMPTY_IS_NONE]


class SettingsPart(BaseSettings):
    """A frozen settings class: `POINTSMAN_<FIELD>` from the environment, unknown names ignored."""

    model_config = SettingsConfigDict(
        env_prefix="POINTSMAN_", frozen=True, extra="ignore", hide_input_in_errors=True
    )


class KafkaPart(SettingsPart):
    """The Kafka cluster's address and how to connect. A secret is given itself or as a file that holds it."""

    kafka: str = Field(default="127.0.0.1:19092", description="bootstrap servers, comma separated")
    prefix: str = Field(default=DEFAULT_PREFIX, description="first part of every topic, group and id")
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="SSL and SASL_SSL encrypt; SASL_PLAINTEXT and SASL_SSL log in"
    )
    kafka_ca_file: OptionalFile = Field(
        default=None,
        description="PEM file of the CA that signed the brokers' certificates",
    )
    kafka_certificate_file: OptionalFile = Field(default=None, description="PEM file of our own certificate")
    kafka_key_file: OptionalFile = Field(
        default=None, description="PEM file of its key, where the certificate's file does not hold it"
    )
    kafka_key_password: _Secret = Field(default=None, description="password of that key")
    kafka_key_password_file: OptionalFile = None
    kafka_sasl_mechanism: Annotated[SaslMechanism | None, EMPTY_IS_NONE] = Field(
        default=None, description="SASL mechanism"
    )
    kafka_username: str = Field(default="", description="for PLAIN and SCRAM")
    kafka_password: _Secret = None
    kafka_password_file: OptionalFile = None
    kafka_token_command: str = Field(
        default="", description="for OAUTHBEARER: a program that prints a token, and its arguments"
    )
    kafka_token_file: OptionalFile = Field(
        default=None, description="or a file that holds one, read at each login"
    )
    kafka_client_id: str = Field(
        default="", description="client id of all connections, in the brokers' quotas and logs"
    )

    @property
    def topics(self) -> "Topics":
        from pointsman_schemas.topics import Topics  # every message: most commands need none

        return Topics(self.prefix)

    @property
    def encrypts(self) -> bool:
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        """Whether connections log in by SASL. A client certificate may authenticate them as well."""
        return self.kafka_security_protocol.startswith("SASL")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := _missing(self):
            raise PydanticCustomError("incomplete", "{missing}", {"missing": missing})
        return self


class HttpPart(SettingsPart):
    """Where a service serves `/healthz`, `/readyz` and `/metrics`."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="0 takes a free port, printed at start")


def _missing(part: KafkaPart) -> str | None:
    """Return what is missing or contradictory in the connection's settings; None if they are complete."""
    for name in ("password", "key_password"):
        if getattr(part, f"kafka_{name}") and getattr(part, f"kafka_{name}_file"):
            return f"set POINTSMAN_KAFKA_{name.upper()} or POINTSMAN_KAFKA_{name.upper()}_FILE, not both"
    if part.kafka_key_file and not part.kafka_certificate_file:
        return "POINTSMAN_KAFKA_KEY_FILE is set: set POINTSMAN_KAFKA_CERTIFICATE_FILE too"
    if not part.logs_in:
        return None
    if part.kafka_sasl_mechanism is None:
        return f"{part.kafka_security_protocol} logs in: set POINTSMAN_KAFKA_SASL_MECHANISM"
    if part.kafka_sasl_mechanism == "OAUTHBEARER":
        if bool(part.kafka_token_command.strip()) == bool(part.kafka_token_file):
            return "OAUTHBEARER wants one of POINTSMAN_KAFKA_TOKEN_COMMAND and POINTSMAN_KAFKA_TOKEN_FILE"
    elif not part.kafka_username or not (part.kafka_password or part.kafka_password_file):
        return (
            f"{part.kafka_sasl_mechanism} wants POINTSMAN_KAFKA_USERNAME, and POINTSMAN_KAFKA_PASSWORD or "
            "POINTSMAN_KAFKA_PASSWORD_FILE"
        )
    return None
