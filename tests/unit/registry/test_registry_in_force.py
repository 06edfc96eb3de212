"""The registry in a running process, and its changes."""

from datetime import UTC, datetime

import pytest

from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys
from pointsman.registry import registry as registry_module
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman_schemas.control.registry import AgentEntry, RegistryRules

KEY = PrivateKey.generate().public.text
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def signed(*ids: str) -> Registry:
    entries = [AgentEntry(id=id, owner="x", public_keys=(KEY,)) for id in ids]
    return Registry.of(entries, RegistryRules(unregistered="reject", identity="signed"))


def test_keys_are_read_once_however_many_changes_came(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def agent_keys(keys: dict[str, tuple[str, ...]]) -> object:
        made.append(keys)
        return real(keys)

    real = AgentKeys
    monkeypatch.setattr(registry_module, "AgentKeys", agent_keys)
    in_force = RegistryInForce()
    for number in range(100):
        in_force.take(signed(*(f"a{agent}" for agent in range(number + 1))))
    assert made == []
    assert in_force.keys_at(NOON) is in_force.keys_at(NOON)
    assert len(made) == 1
    in_force.take(signed("b"))
    keys = in_force.keys_at(NOON)
    assert keys is not None
    assert keys.listed()[0][0] == "b", "those of now"


def test_where_a_word_is_enough_there_are_no_keys() -> None:
    registry = Registry(signed("a").agents, RegistryRules(unregistered="reject"))
    assert RegistryInForce(registry).keys_at(NOON) is None
    assert RegistryInForce().keys_at(NOON) is None


def test_it_is_the_same_until_a_day_begins() -> None:
    in_force = RegistryInForce(signed("a"))
    first = in_force.at(NOON)
    assert in_force.at(NOON.replace(hour=23)) is first
    assert in_force.at(NOON.replace(day=2, hour=0)) is not first
