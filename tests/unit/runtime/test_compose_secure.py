"""compose/secure.yaml: no access without TLS and a login, and each service has only its own login."""

import re
from importlib.resources import files
from json import loads
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman.audit.settings import AuditSettings
from pointsman.dev import cluster_keys
from pointsman.gateway.settings import GatewaySettings
from pointsman.router.policy import policy_file
from pointsman.router.settings import RouterSettings
from pointsman.store.settings import OwnerPart
from tests.support.running.compose import FOLDER, kafka_settings, merged

WHOLE = merged("compose.yaml", "secure.yaml")
SERVICES: dict[str, Any] = WHOLE["services"]
TIERS = policy_file.load(FOLDER / "config" / "policy.yaml").tiers
OWN = {"router", "opinion", "review", "gateway", "audit", "operator", *(f"worker-{tier}" for tier in TIERS)}


def volumes(service: str) -> dict[str, str]:
    """The mount points of each named volume."""
    mounted = (volume.split(":") for volume in SERVICES[service].get("volumes", ()))
    return {name: place for name, place, *_ in mounted if not name.startswith(".")}


def test_both_files_together_keep_to_the_compose_specification() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    errors = Draft202012Validator(loads(vendored.read_text())).iter_errors(WHOLE)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_the_broker_has_no_listener_that_is_plain_or_lets_strangers_in() -> None:
    settings = kafka_settings(SERVICES["kafka"]["environment"])
    protocols = dict(pair.split(":") for pair in settings["listener.security.protocol.map"].split(","))
    names = {listener.split("://")[0] for listener in settings["listeners"].split(",")}
    assert names == protocols.keys()
    for name, protocol in protocols.items():
        if protocol == "SSL":
            assert settings[f"listener.name.{name.lower()}.ssl.client.auth"] == "required"
        else:
            assert protocol == "SASL_SSL"
            assert "Scram" in settings[f"listener.name.{name.lower()}.scram-sha-512.sasl.jaas.config"]
    assert settings["allow.everyone.if.no.acl.found"] == "false"
    assert settings["auto.create.topics.enable"] == "false"
    users = settings["super.users"].split(";")
    assert users == [f"User:CN={name}" for name in (cluster_keys.BROKER, cluster_keys.ADMIN)]


def test_each_service_has_its_own_login_and_no_other() -> None:
    for name in OWN:
        assert volumes(name) == {f"login-{name}": "/run/pointsman"}, name
        assert f"login-{name}:/run/pointsman:ro" in SERVICES[name]["volumes"]
        assert ". /run/pointsman/env" in SERVICES[name]["entrypoint"][2]
    with_logins = {name for name in SERVICES if any("login-" in volume for volume in volumes(name))}
    assert with_logins == {*OWN, "setup"}
    holders = {
        volume: {name for name in SERVICES if volume in volumes(name)}
        for volume in ("admin-keys", "broker-keys")
    }
    assert holders == {"admin-keys": {"keys", "setup"}, "broker-keys": {"keys", "kafka"}}
    assert {volume for name in SERVICES for volume in volumes(name)} == set(WHOLE["volumes"])


def test_setup_hands_out_a_login_for_each() -> None:
    (script,) = SERVICES["setup"]["command"]
    (named,) = re.findall(r"for user in ([^;]+);", script)
    assert {user.replace(".", "-") for user in named.split()} == OWN
    places = {place for name, place in volumes("setup").items() if name.startswith("login-")}
    assert places == {f"/run/logins/{user}" for user in (*named.split(), "new")}


@pytest.mark.parametrize("name", sorted(OWN))
def test_no_password_of_the_open_file_is_left_to_a_service(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert not [value for value in environment.values() if "_PASSWORD" in str(value)]
    fields = {
        f"POINTSMAN_{field.upper()}"
        for kind in (RouterSettings, AuditSettings, GatewaySettings, OwnerPart)
        for field in kind.model_fields
    }
    unread = {variable for variable in environment if variable.startswith("POINTSMAN_")} - fields
    assert unread <= {"POINTSMAN_PROVIDERS", "POINTSMAN_GRACE_S", "POINTSMAN_AGENTS"}
    assert environment["POINTSMAN_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"


@pytest.mark.parametrize("name", ["keys", "operator"])
def test_what_is_added_has_no_more_rights_than_it_needs(name: str) -> None:
    assert (SERVICES[name]["read_only"], SERVICES[name]["cap_drop"]) == (True, ["ALL"])
    assert SERVICES[name]["image"] == "pointsman:local"
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_keys_are_made_once_and_are_for_their_owner(tmp_path: Path) -> None:
    broker, admin = tmp_path / "broker", tmp_path / "admin"
    broker.mkdir()
    admin.mkdir()
    assert cluster_keys.make(broker, admin, ["kafka", "127.0.0.1"])
    made = (broker / "ca.pem").read_bytes()
    assert not cluster_keys.make(broker, admin, ["kafka", "127.0.0.1"])
    assert (broker / "ca.pem").read_bytes() == (admin / "ca.pem").read_bytes() == made
    for file in (*broker.iterdir(), *admin.iterdir()):
        if "PRIVATE KEY" in file.read_text():
            assert file.stat().st_mode & 0o777 == 0o600, file
    (admin / "pointsman-admin.pem").unlink()
    assert cluster_keys.make(broker, admin, ["kafka", "127.0.0.1"])
    assert (broker / "ca.pem").read_bytes() != made
