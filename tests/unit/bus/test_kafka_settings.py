"""Connection settings: valid combinations, and secrets that are never printed."""

import logging
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiokafka.protocol.admin import SaslAuthenticateRequest
from pydantic import ValidationError

import pointsman.bus.connection  # noqa: F401  # what keeps aiokafka's log clean
from pointsman.bus.refused_connection import ConnectionStage, explain
from pointsman.cli.settings import CliSettings, load
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart

SECRET = "s3cr3t-of-mine"
LOGIN: dict[str, Any] = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_username": "alice",
    "kafka_password": SECRET,
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({**LOGIN}, "SASL_SSL logs in: set POINTSMAN_KAFKA_SASL_MECHANISM"),
        (
            {**LOGIN, "kafka_sasl_mechanism": "GSSAPI"},
            "'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512' or 'OAUTHBEARER'",
        ),
        (
            {**LOGIN, "kafka_sasl_mechanism": "PLAIN", "kafka_username": ""},
            "PLAIN wants POINTSMAN_KAFKA_USERNAME",
        ),
        ({**LOGIN, "kafka_sasl_mechanism": "PLAIN", "kafka_password": ""}, "and POINTSMAN_KAFKA_PASSWORD or"),
        ({**LOGIN, "kafka_sasl_mechanism": "PLAIN", "kafka_password_file": "f"}, "not both"),
        ({**LOGIN, "kafka_sasl_mechanism": "OAUTHBEARER"}, "wants one of POINTSMAN_KAFKA_TOKEN_COMMAND and"),
        ({"kafka_key_file": "f", "kafka_key_password": SECRET}, "set POINTSMAN_KAFKA_CERTIFICATE_FILE too"),
        (
            {"kafka_security_protocol": "TLS", "kafka_password": SECRET},
            "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or",
        ),
    ],
)
def test_invalid_combinations_are_reported_with_the_settings_names(
    given: dict[str, Any], expected: str
) -> None:
    with pytest.raises(CommandError) as refused:
        load(CliSettings, **given)
    assert expected in refused.value.problem
    assert "POINTSMAN_" in refused.value.problem
    assert "\n" not in refused.value.problem
    with pytest.raises(ValidationError) as broken:
        KafkaPart(**given)
    assert SECRET not in f"{refused.value}{broken.value}{broken.value!r}"


def test_secrets_are_not_in_the_settings_text() -> None:
    part = KafkaPart(**LOGIN, kafka_sasl_mechanism="PLAIN", kafka_key_password=SECRET)
    assert SECRET not in f"{part} {part!r} {part.model_dump()} {part.model_dump_json()}"


def test_each_setting_is_in_its_document_and_nothing_else_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "connections.md").read_text()
    documented = {name.lower() for name in re.findall(r"POINTSMAN_(KAFKA[A-Z_]*)", text)}
    assert documented == KafkaPart.model_fields.keys() - {"prefix"}


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CA_FILE", "PASSWORD", "PASSWORD_FILE", "SASL_MECHANISM", "TOKEN_FILE"):
        monkeypatch.setenv(f"POINTSMAN_KAFKA_{name}", "")
    part = KafkaPart()
    assert (part.kafka_ca_file, part.kafka_password, part.kafka_sasl_mechanism) == (None, None, None)


def test_the_clients_debug_log_has_no_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiokafka.conn")
    request = SaslAuthenticateRequest(b"\0alice\0" + SECRET.encode()).build(
        SaslAuthenticateRequest._CLASSES[0]
    )
    log = logging.getLogger("aiokafka.conn")
    log.debug("Request to %s:%d %d: %s", "host", 9092, 1, request)
    log.debug("Request to %s:%d %d: %s", "host", 9092, 2, "another")
    assert [record.getMessage() for record in caplog.records] == ["Request to host:9092 2: another"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (9, "is not valid yet"),
        (10, "has expired"),
        (62, "is for another name"),
        (20, "is not signed by"),
        (7, "is not trusted: odd"),
    ],
)
def test_each_certificate_error_has_a_message(code: int, expected: str) -> None:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = code, "odd"
    explained = explain(
        error, ConnectionStage.CONNECTING, KafkaPart(kafka_security_protocol="SSL"), ("host", 1), 1
    )
    assert f"the certificate of Kafka at host:1 {expected}" in str(explained)
    assert explained.hint
