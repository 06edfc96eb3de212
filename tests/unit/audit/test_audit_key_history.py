"""Which keys an agent had, by what routers let count of the registry's topic."""

from datetime import UTC, datetime

from pointsman.audit.signatures import KeyHistory
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.signed import sign
from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys
from pointsman.store.ask.agents_sent import RegistryRecord
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.registry import AgentChanged, AgentEntry
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
    return {id for _, keys in history.keys("a", NOW).listed() for id, _ in keys}


def test_a_change_under_anothers_name_gives_nobody_a_key() -> None:
    history = KeyHistory([change(OWN), change(THIEFS, sender="mallory")])
    assert ids(history) == {OWN.public.id}


def test_where_changes_must_be_signed_others_give_nobody_a_key() -> None:
    people = AgentKeys({"dana": [DANAS.public.text]})
    records = [change(OWN, signed_by=DANAS), change(THIEFS), change(THIEFS, signed_by=THIEFS)]
    assert ids(KeyHistory(records, people)) == {OWN.public.id}
    assert ids(KeyHistory(records)) == {THIEFS.public.id}, "nobody is asked to sign: the last one holds"
