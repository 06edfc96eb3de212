"""`pointsman audit verify --signatures` needs only the audit rows and the registry's history."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.client.job import as_record, make_job
from pointsman.identity.keys import PrivateKey
from pointsman.router.handlers import RouterHandler
from pointsman.store.append.audit_writer import AuditWriter
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import AgentChanged, AgentEntry, RegistryChanged, RegistryRules
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics
from tests.support.router.router_lanes import NOW, POLICY, REGISTRY
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, audit_pool, put

pytestmark = pytest.mark.stack

TOPICS = Topics()
AGENT = "data-analyst"
OLD, NEW = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
HOUR = timedelta(hours=1)


def stored(sent: Outgoing, offset: int, at: datetime) -> Incoming:
    at_ms, headers = int(at.timestamp() * 1000), tuple(sent.headers)
    return Incoming(sent.topic, 0, offset, at_ms, sent.key, sent.value, headers, by_broker=True)


def registered(message: Message, key: str) -> Outgoing:
    return emit(TOPICS.registry, key.encode(), Envelope(uuid7(NOW), "ana", message.TYPE, NOW, "ana"), message)


def job(at: datetime, key: PrivateKey | None) -> Outgoing:
    body = {"agent_id": AGENT, "kind": "sql", "prompt": "p"}
    sent = as_record(make_job(body, {}, None, at, largest=1_000_000), TOPICS, at)
    return sent if key is None else sign(sent, key)


async def test_a_job_that_was_routed_without_a_good_signature_is_named(database: str, tmp_path: Path) -> None:
    offsets = count()
    records: list[Incoming] = []

    def changed(at: datetime, *keys: PrivateKey) -> None:
        entry = AgentEntry(id=AGENT, owner="o", public_keys=tuple(key.public.text for key in keys))
        message = AgentChanged(agent=entry, by="ana")
        records.append(stored(registered(message, f"agent/{AGENT}"), next(offsets), at))

    def routed(sent: Outgoing, at: datetime) -> int:
        """Stores a job routed by a router that requires no signatures. Returns the record's position."""
        lane = RouterHandler(POLICY, REGISTRY, TOPICS, lambda: at)
        record = stored(sent, next(offsets), at)
        records.extend(
            [record, *(stored(made, next(offsets), at) for made in unpacked(lane.handle_records([record])))]
        )
        return record.offset

    rules = RegistryRules(unregistered="reject", identity="signed")
    routed(job(NOW - 4 * HOUR, None), NOW - 4 * HOUR)  # signatures were not required then
    demanded = registered(RegistryChanged(rules=rules, by="ana"), "rules")
    records.append(stored(demanded, next(offsets), NOW - 3 * HOUR))
    changed(NOW - 3 * HOUR, OLD)
    routed(job(NOW - 2 * HOUR, OLD), NOW - 2 * HOUR)
    changed(NOW - HOUR, OLD, NEW)  # one replaces the other
    for key in (OLD, NEW):
        routed(job(NOW - HOUR / 2, key), NOW - HOUR / 2)
    changed(NOW, NEW)
    routed(job(NOW + HOUR, NEW), NOW + HOUR)
    records.append(stored(job(NOW + HOUR, None), next(offsets), NOW + HOUR))  # refused, so it had no effect
    good = list(records)
    own = job(NOW + HOUR, NEW)
    forged = replace(own, value=(own.value or b"").replace(b'"p"', b'"q"'))
    bad = [
        routed(job(NOW + HOUR, None), NOW + HOUR),
        routed(job(NOW + HOUR, OLD), NOW + HOUR),
        routed(forged, NOW + HOUR),
        routed(job(NOW + HOUR, NEW), NOW + 2 * HOUR),
    ]
    pointsman = Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool, clock=lambda: NOW)
        for record in good:
            await put(writer, [row_of(record, TOPICS)])
        whole = await pointsman.run("audit", "verify", "--signatures", "--json")
        assert (whole.code, whole.json["signatures"]["findings"]) == (0, []), whole.err
        assert whole.json["signatures"]["verdicts"] == {"missing": 2, "valid": 4}
        for record in records[len(good) :]:
            await put(writer, [row_of(record, TOPICS)])
    report = await pointsman.run("audit", "verify", "--signatures", "--json")
    assert report.code == 1
    assert [finding["offset"] for finding in report.json["signatures"]["findings"]] == bad
    assert report.json["signatures"]["verdicts"] == {
        "missing": 3, "valid": 4, "foreign": 1, "wrong": 1, "stale": 1,
    }  # fmt: skip
    output = await pointsman.run("audit", "verify", "--signatures")
    by_verdict = "1 foreign, 3 missing, 1 stale, 4 valid, 1 wrong"
    assert f"10 records that agents sent, by their signature: {by_verdict}" in output.lines
    assert (await pointsman.run("audit", "verify")).code == 0
