"""A gateway signs only for agents with API keys, and only while it is permitted."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from pointsman.identity.keys import PrivateKey
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman_schemas.control.registry import AgentEntry, ApiKey, RegistryRules, State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWN, GATEWAYS, OTHERS = (PrivateKey.generate().public for _ in range(3))
API_KEY = ApiKey(id="0" * 12, sha256="0" * 64)
RULES = RegistryRules(unregistered="reject", identity="signed")


def in_force(*gateways: RegisteredAgent) -> RegistryInForce:
    entries = [
        AgentEntry(id="app", owner="x", api_keys=(API_KEY,)),
        AgentEntry(id="both", owner="x", api_keys=(API_KEY,), public_keys=(OWN.text,)),
        AgentEntry(id="alone", owner="x", public_keys=(OWN.text,)),
        AgentEntry(id="plain", owner="x", public_keys=(OTHERS.text,)),
    ]
    agents = [*(RegisteredAgent(entry) for entry in entries), *gateways]
    return RegistryInForce(Registry({agent.entry.id: agent for agent in agents}, RULES))


def gateway(state: State = "active", expires: date | None = None) -> RegisteredAgent:
    entry = AgentEntry(id="gw", owner="x", gateway=True, public_keys=(GATEWAYS.text,), expires=expires)
    return RegisteredAgent(entry, state)


def ids(registry: RegistryInForce, at: datetime = NOON) -> dict[str, set[str]]:
    keys = registry.keys_at(at)
    assert keys is not None
    return {agent: {id for id, _ in own} for agent, own in keys.listed()}


def test_it_signs_for_those_with_api_keys_and_no_others() -> None:
    assert ids(in_force(gateway())) == {
        "app": {GATEWAYS.id},
        "both": {OWN.id, GATEWAYS.id},
        "alone": {OWN.id},
        "plain": {OTHERS.id},
        "gw": {GATEWAYS.id},
    }


@pytest.mark.parametrize("state", ["suspended", "retired"])
def test_one_that_may_not_act_signs_for_nobody(state: State) -> None:
    key_ids = ids(in_force(gateway(state)))
    assert (key_ids["app"], key_ids["both"]) == (set(), {OWN.id})


def test_its_last_day_ends_it_without_a_change_of_the_registry() -> None:
    registry = in_force(gateway(expires=date(2026, 3, 2)))
    assert ids(registry)["app"] == {GATEWAYS.id}
    assert ids(registry, NOON + timedelta(days=1))["app"] == set()


def test_it_signs_for_nobody_whose_keys_have_all_expired() -> None:
    expiring = ApiKey(id="1" * 12, sha256="1" * 64, expires=date(2026, 3, 2))
    entry = AgentEntry(id="brief", owner="x", api_keys=(expiring,))
    registry = in_force(gateway(), RegisteredAgent(entry))
    assert ids(registry)["brief"] == {GATEWAYS.id}
    assert ids(registry, NOON + timedelta(days=1))["brief"] == set()


def test_all_that_may_act_sign() -> None:
    second = AgentEntry(id="gw2", owner="x", gateway=True, public_keys=(OTHERS.text,))
    assert ids(in_force(gateway(), RegisteredAgent(second)))["app"] == {GATEWAYS.id, OTHERS.id}


def test_what_cannot_be_is_refused_with_a_reason() -> None:
    with pytest.raises(ValidationError, match="`gateway: true` signs for other agents, which asks for"):
        AgentEntry(id="gw", owner="x", gateway=True)
    with pytest.raises(ValidationError, match="give them to another agent"):
        AgentEntry(id="gw", owner="x", gateway=True, public_keys=(OWN.text,), api_keys=(API_KEY,))
    with pytest.raises(ValidationError, match="no gateway may read"):
        AgentEntry(id="app", owner="x", kafka=True, api_keys=(API_KEY,))


def test_what_older_releases_do_not_know_is_written_only_where_it_is_used() -> None:
    plain = AgentEntry(id="app", owner="x").model_dump(mode="json")
    assert not {"api_keys", "gateway"} & plain.keys()
    assert AgentEntry.model_validate(plain) == AgentEntry(id="app", owner="x")
