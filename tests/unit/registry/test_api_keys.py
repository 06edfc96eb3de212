"""The agent of an API key, by the current registry; none if there is any doubt."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from pointsman.identity.api_key import ApiKeyText
from pointsman.registry import in_force as module
from pointsman.registry.in_force import ApiKeys, RegistryInForce
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman_schemas.control.registry import AgentEntry, ApiKey, RegistryRules, State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOMORROW = date(2026, 3, 2)
OLD, NEW = ApiKeyText.make(), ApiKeyText.make()
RULES = RegistryRules(unregistered="admit")


def known(key: ApiKeyText, expires: date | None = None) -> ApiKey:
    return ApiKey(id=key.id, sha256=key.sha256, expires=expires)


def agent(id: str, *keys: ApiKey, state: State = "active", expires: date | None = None) -> RegisteredAgent:
    return RegisteredAgent(AgentEntry(id=id, owner="x", api_keys=keys, expires=expires), state)


def in_force(*agents: RegisteredAgent) -> RegistryInForce:
    return RegistryInForce(Registry({agent.entry.id: agent for agent in agents}, RULES))


def test_two_keys_are_good_while_one_replaces_the_other() -> None:
    registry = in_force(agent("app", known(OLD), known(NEW)), agent("other"))
    assert registry.agent_of_key(OLD.text, NOON) == registry.agent_of_key(NEW.text, NOON) == "app"
    registry.take(in_force(agent("app", known(NEW))).at(NOON))
    assert registry.agent_of_key(OLD.text, NOON) is None
    assert registry.agent_of_key(NEW.text, NOON) == "app"


@pytest.mark.parametrize(
    "listed",
    [
        agent("app", known(OLD), state="suspended"),
        agent("app", known(OLD), state="retired"),
        agent("app", known(OLD), expires=NOON.date()),
        agent("app", known(OLD, expires=NOON.date())),
        agent("app", ApiKey(id=OLD.id, sha256=NEW.sha256)),
    ],
)
def test_an_invalid_key_belongs_to_nobody(listed: RegisteredAgent) -> None:
    assert in_force(listed).agent_of_key(OLD.text, NOON) is None


def test_a_key_is_valid_until_its_expiry_day_begins() -> None:
    registry = in_force(agent("app", known(OLD, expires=TOMORROW)))
    assert registry.agent_of_key(OLD.text, NOON) == "app"
    assert registry.agent_of_key(OLD.text, NOON + timedelta(days=1)) is None


def test_a_key_of_two_agents_is_invalid_unless_one_is_retired() -> None:
    app, other = agent("app", known(OLD), known(NEW)), agent("other", known(OLD))
    registry = in_force(app, other)
    assert registry.agent_of_key(OLD.text, NOON) is None
    assert registry.agent_of_key(NEW.text, NOON) == "app"
    retired = agent("other", known(OLD), state="retired")
    assert in_force(app, retired).agent_of_key(OLD.text, NOON) == "app"
    assert in_force(app, agent("a3", known(OLD)), other).agent_of_key(OLD.text, NOON) is None


@pytest.mark.parametrize("text", ["", OLD.sha256, OLD.id, "Bearer " + OLD.text, "\ud800" * 60], ids=range(5))
def test_text_that_is_no_key_belongs_to_nobody(text: str) -> None:
    assert in_force(agent("app", known(OLD))).agent_of_key(text, NOON) is None
    assert RegistryInForce().agent_of_key(OLD.text, NOON) is None


def test_they_are_read_once_however_many_changes_came(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Sequence[RegisteredAgent]] = []

    def api_keys(agents: Sequence[RegisteredAgent]) -> ApiKeys:
        made.append(agents)
        return ApiKeys(agents)

    monkeypatch.setattr(module, "ApiKeys", api_keys)
    registry = in_force(agent("app", known(OLD)))
    for _ in range(5):
        registry.take(in_force(agent("app", known(OLD))).at(NOON))
    for _ in range(5):
        assert registry.agent_of_key(OLD.text, NOON) == "app"
    assert len(made) == 1
