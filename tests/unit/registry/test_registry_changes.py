"""What `agents apply` would publish: the difference between the file and the topic."""

from datetime import UTC, datetime

from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.changes import RegistryChange, plan, turned
from pointsman.registry.registry import RegistryHistory
from tests.support.text.parsed import parse_agents

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TIERS = ("small", "medium")


def file(*agents: str, rules: str = "unregistered: reject") -> AgentsFile:
    return parse_agents("\n".join([rules, "agents:", *(f"  - {{{agent}}}" for agent in agents)]), TIERS)


def on_record(changes: list[RegistryChange], history: RegistryHistory) -> RegistryHistory:
    for change in changes:
        assert history.hear(change.message("dana", ""), "dana", NOW) is None
    return history


def told(changes: list[RegistryChange]) -> list[tuple[str, str | None]]:
    return [(change.kind, change.agent) for change in changes]


def test_a_file_applied_twice_changes_nothing_the_second_time() -> None:
    wanted = file("id: a, owner: x, tiers: small", "id: b, owner: y, expires: 2026-05-01")
    first = plan(wanted, RegistryHistory())
    assert told(first) == [("register", "a"), ("register", "b"), ("rules", None)]
    history = on_record(first, RegistryHistory())
    assert plan(wanted, history) == []
    assert {id: agent.entry for id, agent in history.agents.items()} == {
        entry.id: entry for entry in wanted.entries
    }


def test_changes_are_listed_by_field() -> None:
    history = on_record(plan(file("id: a, owner: x, tiers: small"), RegistryHistory()), RegistryHistory())
    (change,) = plan(file("id: a, owner: z, tiers: [small, medium]"), history)
    assert (change.kind, change.agent) == ("change", "a")
    assert [(field.name, field.before, field.after) for field in change.fields] == [
        ("owner", "x", "z"),
        ("tiers", ["small"], ["small", "medium"]),
    ]


def test_a_removed_agent_is_retired_once_and_may_return() -> None:
    history = on_record(
        plan(file("id: a, owner: x", "id: b, owner: x"), RegistryHistory()), RegistryHistory()
    )
    removed = plan(file("id: a, owner: x"), history)
    assert told(removed) == [("retire", "b")]
    on_record(removed, history)
    assert history.agents["b"].state == "retired"
    assert plan(file("id: a, owner: x"), history) == []
    assert told(plan(file("id: a, owner: x", "id: b, owner: x"), history)) == [("register", "b")]


def test_a_suspended_agent_stays_suspended_whatever_its_entry_becomes() -> None:
    history = on_record(plan(file("id: a, owner: x"), RegistryHistory()), RegistryHistory())
    on_record([turned(history.agents["a"], "suspended")], history)
    changes = plan(file("id: a, owner: y"), history)
    assert told(changes) == [("change", "a")]
    on_record(changes, history)
    assert (history.agents["a"].state, history.agents["a"].entry.owner) == ("suspended", "y")
    on_record([turned(history.agents["a"], "active")], history)
    assert history.agents["a"].state == "active"


def test_there_is_no_registry_before_its_rules() -> None:
    history = RegistryHistory()
    on_record([change for change in plan(file("id: a, owner: x"), history) if change.agent], history)
    assert history.registry is None


def test_what_an_entry_no_longer_has_is_told_too() -> None:
    key = {"id": "a" * 12, "sha256": "b" * 64, "expires": None}
    before = file(f"id: a, owner: x, api_keys: [{{id: {key['id']}, sha256: {key['sha256']}}}]")
    history = on_record(plan(before, RegistryHistory()), RegistryHistory())
    (change,) = plan(file("id: a, owner: x"), history)
    assert [(field.name, field.before, field.after) for field in change.fields] == [("api_keys", [key], None)]
