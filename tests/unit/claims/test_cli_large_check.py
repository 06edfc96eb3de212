"""Stored values are verified against their digests; references in foreign headers are ignored."""

from dataclasses import replace

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.claims.whole_messages import LargeValues
from pointsman.store.verify.findings import Wrong
from pointsman_schemas.claims import DATAREF
from tests.support.bus.claim_stores import Shelf, as_read, claim_check, digest
from tests.support.bus.example_records import TOPICS
from tests.support.worker.routed_jobs import routed


async def on_kafka(shelf: Shelf, number: int) -> tuple[Incoming, str]:
    """A large record as on Kafka at offset `number`, and the digest of its value."""
    record = routed(number, messages=[{"role": "user", "content": "x" * 5_000}])
    value = record.value or b""
    (sent,) = await claim_check(shelf).deposit(
        [Outgoing(record.topic, record.key, value, list(record.headers))]
    )
    return as_read(sent, number), digest(value)


async def test_each_wrong_value_is_reported_at_its_row() -> None:
    shelf, values = Shelf(), LargeValues()
    records = [await on_kafka(shelf, number) for number in (1, 2, 3)]
    for record, _ in records:
        values.take(row_of(record, TOPICS))
    del shelf.values[records[0][1]]
    shelf.values[records[2][1]] = shelf.values[records[2][1]].replace(b"xx", b"xy")
    lost, changed = await values.check(claim_check(shelf), lambda _: None)
    assert [finding.wrong for finding in (lost, changed)] == [Wrong.LARGE_VALUE] * 2
    assert [(finding.topic, finding.partition, finding.offset) for finding in (lost, changed)] == [
        records[0][0].origin,
        records[2][0].origin,
    ]
    assert "never put there" in lost.said
    assert "was changed" in changed.said
    assert values.checked == 3


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", b"{}", b'{"claim": "mine"}'])
async def test_a_foreign_reference_is_ignored(value: bytes | None) -> None:
    values = LargeValues()
    record, _ = await on_kafka(Shelf(), 1)
    values.take(row_of(replace(record, value=value), TOPICS))
    assert DATAREF in dict(record.headers)
    assert values.named == []
