"""The abridged value of a large one, read with and without its store."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.claimed import claim_of, stand_in
from pointsman.bus.codec.decode import Decoded, Malformed, decode
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Fetched, Incoming, Outgoing
from pointsman_schemas.claims import BULK, DATAREF
from pointsman_schemas.reasons import Reason
from tests.support.bus.claim_stores import Shelf, as_read, claim_check
from tests.support.bus.example_records import TOPICS, example, story

LARGE = sorted(BULK)


def out(record: Incoming) -> Outgoing:
    return Outgoing(record.topic, record.key, record.value, list(record.headers))


async def abridged(record: Incoming) -> Incoming:
    """The record as on Kafka if every value is large."""
    (sent,) = await claim_check(Shelf(), above=1).deposit([out(record)])
    return replace(record, value=sent.value, headers=tuple(sent.headers))


@pytest.mark.parametrize("name", LARGE)
async def test_its_small_fields_are_where_they_were(name: str) -> None:
    record = example(name)
    short = await abridged(record)
    assert short.value is not None
    assert record.value is not None
    body, whole = orjson.loads(short.value), orjson.loads(record.value)
    assert body["claim"]["bytes"] == len(record.value)
    cut = {path.split(".")[0] for path in BULK[name]}
    assert set(body) - {"claim"} == set(whole) - (cut if "." not in BULK[name][0] else set())
    kept = [field for field in whole if field not in cut]
    assert {field: body[field] for field in kept} == {field: whole[field] for field in kept}
    if name in ("job.routed.v1", "job.undecided.v1"):
        assert body["job"] == {field: value for field, value in whole["job"].items() if field != "request"}
    assert dict(short.headers)[DATAREF].decode().endswith(body["claim"]["digest"].removeprefix("sha256:"))
    assert short.headers[: len(record.headers)] == record.headers


@pytest.mark.parametrize("name", LARGE)
async def test_the_audit_has_the_bytes_of_kafka_and_the_columns_of_the_whole(name: str) -> None:
    record = example(name)
    short = await abridged(record)
    whole, row = row_of(record, TOPICS), row_of(short, TOPICS)
    untold: dict[str, Any] = dict.fromkeys(("value", "payload", "headers", "record_sha256"))
    assert row._replace(**untold) == whole._replace(**untold)
    assert row.value == short.value
    assert row.payload is not None
    assert row.unreadable is None


@pytest.mark.parametrize("name", LARGE)
async def test_without_a_store_the_error_names_the_job(name: str) -> None:
    short = await abridged(example(name))
    read = decode_intake(short) if name == "job.submitted.v1" else decode(short)
    assert isinstance(read, Malformed)
    assert read.reason is Reason.MISSING_FIELD
    assert "POINTSMAN_CLAIMS" in read.message
    cover = decode(example(name))
    assert isinstance(cover, Decoded)
    assert (read.job_id, read.agent_id) == (cover.envelope.job_id, cover.envelope.agent_id)


async def test_a_stranger_s_dataref_beside_the_whole_value_changes_nothing() -> None:
    record = example("job.submitted.v1")
    theirs = replace(record, headers=(*record.headers, (DATAREF, b"https://example.org/x")))
    assert claim_of(theirs) is None
    assert stand_in(theirs) is theirs
    assert isinstance(decode_intake(theirs), Accepted)
    (read,) = await claim_check(Shelf()).fetch([theirs])
    assert read is theirs


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{", b'{"claim": 1}', b'{"claim": {"digest": "x"}}'])
def test_a_header_alone_is_not_a_claim(value: bytes | None) -> None:
    record = replace(example("job.submitted.v1"), value=value)
    assert claim_of(replace(record, headers=(*record.headers, (DATAREF, b"x")))) is None


async def test_the_whole_value_is_what_it_was_before() -> None:
    shelf = Shelf()
    for record in story(1):
        (sent,) = await claim_check(shelf, above=1).deposit([out(record)])
        (read,) = await claim_check(shelf).fetch([as_read(sent)])
        assert isinstance(read, Fetched)
        assert read.value == record.value
        assert read.on_kafka == sent.value
