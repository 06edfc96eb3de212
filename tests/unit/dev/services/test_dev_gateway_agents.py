"""The dev stack's gateway and its agent are created once, with private secrets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman import starter
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.services.gateway_agents import (
    APP,
    GATEWAY,
    gateway_entries,
    gateway_key_file,
    with_gateway,
)
from pointsman.dev.services.secure_agents import secured
from pointsman.dev.services.secure_logins import secure_logins
from pointsman.dev.services.trying import trying
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import AgentsFile, load
from pointsman.registry.in_force import RegistryInForce
from pointsman.runtime.clock import utc_now
from pointsman_schemas.topics import Topics
from tests.support.text.parsed import parse_agents

TIERS = ("small", "medium", "frontier")
STARTER = load(starter.AGENTS, TIERS)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def agent_of(key: Path, file: AgentsFile) -> str | None:
    return RegistryInForce(file.registry).agent_of_key(key.read_text().strip(), NOW)


def test_the_file_of_an_open_stack_is_ours_and_both(tmp_path: Path) -> None:
    file = with_gateway(tmp_path, starter.AGENTS, STARTER.entries)
    assert file.read_text("utf-8").startswith(starter.AGENTS.read_text("utf-8").rstrip()), "with its comments"
    held = load(file, TIERS)
    assert held.entries[:-2] == STARTER.entries
    assert [(entry.id, entry.gateway) for entry in held.entries[-2:]] == [(GATEWAY, True), (APP, False)]
    assert agent_of(tmp_path / "gateway.key", held) == APP
    assert load(with_gateway(tmp_path, starter.AGENTS, STARTER.entries), TIERS) == held, "keys stay"


def test_a_users_own_file_is_not_changed(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    assert with_gateway(tmp_path, own, STARTER.entries) == own
    assert list(tmp_path.iterdir()) == []


def test_an_existing_agent_with_that_name_is_kept(tmp_path: Path) -> None:
    own = parse_agents("{unregistered: reject, agents: [{id: app, owner: me}]}", TIERS)
    assert [entry.id for entry in gateway_entries(tmp_path, own.entries)] == [GATEWAY]


def test_in_a_secure_stack_the_gateway_signs_for_it(tmp_path: Path) -> None:
    security = BrokerSecurity(tmp_path, "p")
    held = load(secured(STARTER, security, "p"), TIERS)
    assert agent_of(tmp_path / "gateway.key", held) == APP
    keys = held.registry.keys_at(NOW)
    key = PrivateKey.parse(gateway_key_file(tmp_path).read_text()).public
    assert [agent for agent, own in keys.listed() if key.id in dict(own)] == [GATEWAY, APP]
    entries = {entry.id: entry for entry in held.entries}
    assert not entries[APP].kafka and not entries[GATEWAY].kafka
    assert entries["chat-desk"].kafka and entries["chat-desk"].public_keys


def test_a_gateway_has_no_login_of_an_agents_nor_a_topic(tmp_path: Path) -> None:
    key = PrivateKey.generate().public.text
    own = f"{{unregistered: reject, agents: [{{id: gw, owner: me, gateway: true, public_keys: {key}}}]}}"
    held = load(secured(parse_agents(own, TIERS), BrokerSecurity(tmp_path, "p"), "p"), TIERS)
    assert [(entry.id, entry.kafka) for entry in held.entries] == [
        ("gw", False),
        (GATEWAY, False),
        (APP, False),
    ]


@pytest.mark.parametrize("name", ["gateway.key", "gateway.pem", "agents.yaml"])
def test_secrets_are_private(tmp_path: Path, name: str) -> None:
    with_gateway(tmp_path, starter.AGENTS, STARTER.entries)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


STRICT = """
unregistered: reject
identity: signed
strict: true
agents:
  - {id: mine, owner: me, contact: me@example.com, expires: 2026-05-01, kinds: [sql]}
  - {id: app, owner: me, contact: me@example.com, expires: 2026-05-01}
"""


def test_a_strict_file_is_taken_and_each_agent_gets_its_key(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text(STRICT)
    logins = secure_logins(
        BrokerSecurity(tmp_path, "p"), "127.0.0.1:1", "postgresql://p@127.0.0.1:1/p", topics=Topics("p"),
        tiers=TIERS, agents=file,
    )  # fmt: skip
    held = load(logins.agents, TIERS, utc_now().date())
    assert held.strict and all(entry.contact and entry.expires for entry in held.entries)
    assert all(entry.public_keys or entry.api_keys for entry in held.entries)
    # What it proposes to try is there: an agent with a login, a kind that is open to it, a key that holds.
    tried = trying(held.entries, logins.key_place, logins)
    assert (tried.agent, tried.kind, tried.login) == ("mine", "sql", logins.env_file("agent.mine"))
    assert (tried.api_key, tried.asks_for_key) == (None, True)
    with_ours = load(secured(STARTER, BrokerSecurity(tmp_path, "p"), "p"), TIERS)
    assert trying(with_ours.entries, logins.key_place, logins).api_key == logins.key_place
