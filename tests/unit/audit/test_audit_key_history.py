"""The history of an agent's keys, from the registry records that routers accepted."""

from datetime import UTC, datetime, timedelta

from pointsman.audit.signatures import HEARD_WITHIN, KeyHistory
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.signed import sign
from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys
from pointsman.store.ask.agents_sent import RegistryRecord
from pointsman_schemas.control.registry import AgentChanged, AgentEntry, ApiKey, State
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOPICS = Topics()
OWN, THIEFS, DANAS = (PrivateKey.generate() for _ in range(3))


def change(key: PrivateKey, *, sender: str = "dana", signed_by: PrivateKey | None = None) -> RegistryRecord:
    entry = AgentEntry(id="a", owner="x", public_keys=(key.public.text,))
    message = AgentChanged(agent=entry, by="dana")
    envelope = Envelope(uuid7(NOW), sender, message.TYPE, NOW, sender)
    record = emit(TOPICS.registry, b"agent/a", envelope, message)
    if signed_by is not None:
        record = sign(record, signed_by)
    return RegistryRecord((record.topic, 0, 1), record.key, list(record.headers), record.value or b"", NOW)


def ids(history: KeyHistory) -> set[str]:
    return {id for _, keys in history.keys("a", NOW + HEARD_WITHIN).listed() for id, _ in keys}


def test_a_change_under_anothers_name_gives_nobody_a_key() -> None:
    history = KeyHistory([change(OWN), change(THIEFS, sender="mallory")])
    assert ids(history) == {OWN.public.id}


def test_where_changes_must_be_signed_others_give_nobody_a_key() -> None:
    people = AgentKeys({"dana": [DANAS.public.text]})
    records = [change(OWN, signed_by=DANAS), change(THIEFS), change(THIEFS, signed_by=THIEFS)]
    assert ids(KeyHistory(records, people)) == {OWN.public.id}
    assert ids(KeyHistory(records)) == {THIEFS.public.id}, "nobody is asked to sign: the last one holds"


def entry_change(entry: AgentEntry, at: datetime, state: State = "active") -> RegistryRecord:
    message = AgentChanged(agent=entry, state=state, by="dana")
    envelope = Envelope(uuid7(at), "dana", message.TYPE, at, "dana")
    record = emit(TOPICS.registry, f"agent/{entry.id}".encode(), envelope, message)
    return RegistryRecord((record.topic, 0, 1), record.key, list(record.headers), record.value or b"", at)


def test_a_gateways_key_is_valid_for_agents_with_api_keys_while_permitted() -> None:
    key = ApiKey(id="0" * 12, sha256="0" * 64)
    gateway = AgentEntry(id="gw", owner="x", gateway=True, public_keys=(DANAS.public.text,))
    app = AgentEntry(id="a", owner="x", api_keys=(key,))
    plain = AgentEntry(id="plain", owner="x", public_keys=(OWN.public.text,))
    begun, suspended = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    history = KeyHistory(
        [
            *(entry_change(entry, begun) for entry in (gateway, app, plain)),
            entry_change(gateway, suspended, "suspended"),
        ]
    )

    def at(agent: str, when: datetime) -> set[str]:
        return {id for _, keys in history.keys(agent, when).listed() for id, _ in keys}

    while_it_may = suspended - timedelta(minutes=30)
    assert at("a", while_it_may) == {DANAS.public.id}
    assert at("plain", while_it_may) == {OWN.public.id}, "it has no API keys"
    assert at("a", suspended + HEARD_WITHIN) == set()
    assert at("a", suspended + HEARD_WITHIN / 2) == {DANAS.public.id}, "routers had not all heard of it"
    assert at("a", NOW) == set()


def test_a_removed_key_is_valid_until_all_services_know() -> None:
    before = AgentEntry(id="a", owner="x", public_keys=(OWN.public.text,))
    after = AgentEntry(id="a", owner="x", public_keys=(THIEFS.public.text,))
    history = KeyHistory([entry_change(before, NOW - timedelta(hours=1)), entry_change(after, NOW)])
    listed = history.keys("a", NOW + HEARD_WITHIN / 2).listed()
    assert {id for _, keys in listed for id, _ in keys} == {OWN.public.id, THIEFS.public.id}
    listed = history.keys("a", NOW + HEARD_WITHIN).listed()
    assert {id for _, keys in listed for id, _ in keys} == {THIEFS.public.id}
