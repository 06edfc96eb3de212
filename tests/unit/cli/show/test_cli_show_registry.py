"""Display of an agent's API keys: valid, next to expire, expired."""

from datetime import UTC, date, datetime

from rich.console import Console

from pointsman.cli.show.registry import agents_table, diff, entry_lines, retired_roles
from pointsman.client.agents_audit import expired_keys
from pointsman.client.agents_now import AgentNow
from pointsman.identity.keys import PrivateKey
from pointsman.registry.changes import turned
from pointsman.registry.registry import RegisteredAgent
from pointsman_schemas.control.registry import AgentEntry, ApiKey

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = tuple(
    ApiKey(id=digit * 12, sha256=digit * 64, expires=expires)
    for digit, expires in (
        ("a", None),
        ("b", date(2026, 3, 1)),
        ("c", date(2026, 6, 1)),
        ("d", date(2026, 5, 1)),
    )
)
ENTRY = AgentEntry(id="app", owner="x", api_keys=KEYS)


def now(entry: AgentEntry) -> AgentNow:
    return AgentNow(entry.id, RegisteredAgent(entry), None, NOW.date())


def test_the_list_has_valid_keys_and_the_next_expiry() -> None:
    as_json = now(ENTRY).to_json()
    assert (as_json["api_keys"], as_json["api_key_expires"]) == (3, date(2026, 5, 1))
    console = Console(width=200)
    plain = AgentEntry(id="plain", owner="x")
    with console.capture() as captured:
        console.print(agents_table([now(ENTRY), now(plain)]))
    _, app, none = captured.get().splitlines()
    assert "3, next until 2026-05-01" in app
    assert "next" not in none


def test_one_entry_names_each_key_and_no_digest() -> None:
    lines = list(entry_lines(RegisteredAgent(ENTRY), NOW.date()))
    assert lines[-5:] == [
        "api_keys:",
        f"    {'b' * 12}: expired since 2026-03-01, take it out",
        f"    {'d' * 12}: until 2026-05-01",
        f"    {'c' * 12}: until 2026-06-01",
        f"    {'a' * 12}: no end",
    ]
    assert not [line for line in lines if "a" * 64 in line]


def test_an_expired_key_is_reported() -> None:
    (finding,) = expired_keys([RegisteredAgent(ENTRY), RegisteredAgent(ENTRY, "retired")], NOW)
    assert (finding.finding, finding.agent_id) == ("expired key", "app")
    assert finding.detail == f"API key {'b' * 12} ended on 2026-03-01: take it out of agents.yaml"


def test_what_was_done_is_told_as_done() -> None:
    changes = [turned(RegisteredAgent(ENTRY), "retired")]
    assert list(diff(changes))[-1] == "0 to register, 0 to change, 1 to retire"
    assert list(diff(changes, done=True))[-1] == "0 registered, 0 changed, 1 retired"


def test_retiring_a_gateway_or_a_reviewer_gets_a_warning() -> None:
    gateway = AgentEntry(id="door", owner="x", gateway=True, public_keys=(PrivateKey.generate().public.text,))
    reviewer = AgentEntry(id="ana", owner="x", reviews=("legal", "board"))
    changes = [turned(RegisteredAgent(entry), "retired") for entry in (ENTRY, gateway, reviewer)]
    assert list(retired_roles(changes)) == [
        "warning: retires the gateway door",
        "warning: retires ana, a reviewer of legal, board",
    ]
    assert list(retired_roles([turned(RegisteredAgent(gateway), "suspended")])) == []
