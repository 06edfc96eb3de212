"""Commands on jobs with large values: shown in full, verified, garbage collected."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.claims.folder import Folder
from pointsman.store.append.audit_writer import AuditWriter
from pointsman_schemas.calls import RawBody
from pointsman_schemas.claims import DATAREF
from tests.conftest import Kafka
from tests.support.bus.claim_stores import as_read, claim_check, digest
from tests.support.bus.example_records import TOPICS, example, story, story_id
from tests.support.router.router_lanes import handler
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, audit_pool, put

pytestmark = pytest.mark.stack

DAY_S = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "claims"


@pytest.fixture
def pointsman(database: str, kafka: Kafka, tmp_path: Path, folder: Path) -> Command:
    settings = {
        "POSTGRES": as_auditor(database),
        "KAFKA": kafka.bootstrap,
        "PREFIX": kafka.prefix,
        "CLAIMS": folder.as_uri(),
    }
    return Command(tmp_path, {f"POINTSMAN_{name}": value for name, value in settings.items()})


async def abridged(records: Sequence[Incoming], folder: Path, *, above: int = 1) -> list[Incoming]:
    """The records as on Kafka; by default every value is large."""
    sent = await claim_check(Folder(folder), above=above).deposit(
        [Outgoing(record.topic, record.key, record.value, list(record.headers)) for record in records]
    )
    return [
        Incoming(*record.origin, record.timestamp_ms, record.key, out.value, tuple(out.headers))
        for record, out in zip(records, sent, strict=True)
    ]


async def on_record(database: str, records: Sequence[Incoming]) -> None:
    async with audit_pool(database) as pool:
        await put(AuditWriter(pool), [row_of(record, TOPICS) for record in records])


def path_of(folder: Path, record: Incoming) -> Path:
    return folder / digest(record.value or b"")[:2] / digest(record.value or b"")


async def test_a_job_is_shown_in_full(pointsman: Command, database: str, folder: Path) -> None:
    records = story(1)
    await on_record(database, await abridged(records, folder))
    steps = (await pointsman.run("trace", str(story_id(1)), "--json")).json["steps"]
    assert [step["payload"] for step in steps] == [orjson.loads(record.value or b"") for record in records]
    waterfall = (await pointsman.run("trace", str(story_id(1)))).out
    asked = orjson.loads(records[0].value or b"")["request"]["messages"][-1]["content"]
    assert asked[:40] in waterfall
    page = (await pointsman.run("report", str(story_id(1)))).out
    answer = orjson.loads(records[3].value or b"")["response"]["choices"][0]["message"]["content"]
    assert asked in page
    assert answer.split("\n")[0] in page
    assert "attempt 1: request" in page
    assert page.count(asked[:30]) >= 2  # in the request and in the call
    again = await pointsman.run("replay", "--since", "365d")
    assert "1 job would be replayed" in again.err
    verified = await pointsman.run("audit", "verify")
    assert verified.code == 0, verified.out
    assert "4 large values held against the digest in its row" in verified.lines


async def test_missing_values_are_reported_and_the_rest_is_shown(
    pointsman: Command, database: str, folder: Path
) -> None:
    records = story(1)
    await on_record(database, await abridged(records, folder))
    path_of(folder, records[2]).unlink()
    spoiled = path_of(folder, records[1])
    spoiled.write_bytes(spoiled.read_bytes().replace(b"{", b"[", 1))
    waterfall = (await pointsman.run("trace", str(story_id(1)))).lines
    assert any("call 1 ok" in line and "is not in file://" in line for line in waterfall)
    assert any("routed to" in line and "was changed in file://" in line for line in waterfall)
    again = await pointsman.run("why", str(story_id(1)), "--recompute")
    assert again.code == 1
    assert "cannot be decided again: its value" in again.err
    assert "rule" in (await pointsman.run("why", str(story_id(1)))).out
    assert "is not in file://" in (await pointsman.run("report", str(story_id(1)))).out
    verified = await pointsman.run("audit", "verify", "--json")
    assert verified.code == 1
    findings = verified.json["report"]["findings"]
    assert {(finding["topic"], finding["offset"]) for finding in findings} == {
        (record.topic, record.offset) for record in records[1:3]
    }
    unset = Command(pointsman.folder, {**pointsman.environment, "POINTSMAN_CLAIMS": ""})
    assert "set POINTSMAN_CLAIMS to see it" in (await unset.run("trace", str(story_id(1)))).out
    silent = await unset.run("audit", "verify")
    assert silent.code == 0
    assert any("4 large values kept in a store, not looked at" in line for line in silent.lines)


async def test_claims_of_refused_records_do_not_count_as_damage(
    pointsman: Command, database: str, folder: Path
) -> None:
    """References to missing values in refused records do not count as damage."""
    others = Command(pointsman.folder, {**pointsman.environment, "POINTSMAN_PREFIX": TOPICS.prefix})
    records = story(1)
    done = await abridged(records, folder)
    forged = [replace(record, value=forgery(record, number)) for number, record in enumerate(
        [*await abridged([story(number)[0] for number in range(2, 9)], folder), done[0]], 2
    )]  # fmt: skip
    forged = [replace(record, offset=100 + number) for number, record in enumerate(forged)]
    letters = [
        replace(as_read(made), topic=TOPICS.dead.name, offset=number)
        for number, record in enumerate(await claim_check(Folder(folder)).fetch(forged))
        for made in handler().handle_records([record])
        if made.topic.endswith(TOPICS.dead.name.partition(".")[2])
    ]
    assert len(letters) == 8
    await on_record(database, [*done, *forged, *letters])
    verified = await others.run("audit", "verify", "--json")
    assert verified.code == 0, verified.out
    assert len(verified.json["large_values"]["refused"]) == 8
    assert any(
        "8 forged or lost claims on the intake" in line
        for line in (await others.run("audit", "verify")).lines
    )
    path_of(folder, records[0]).unlink()  # this job completed, although a forged record names it too
    findings = (await others.run("audit", "verify", "--json")).json["report"]["findings"]
    assert [(finding["topic"], finding["offset"]) for finding in findings] == [(TOPICS.intake.name, 1)]


def forgery(record: Incoming, number: int) -> bytes:
    body = orjson.loads(record.value or b"")
    body["claim"]["digest"] = "sha256:" + f"{number:064x}"
    return orjson.dumps(body)


async def test_a_large_error_body_is_shown_too(pointsman: Command, database: str, folder: Path) -> None:
    body = RawBody(encoding="utf-8", content="<html>" + "x" * 400_000 + "</html>", whole=True)
    records = story(1, response=None, response_raw=body)
    sent = await abridged(records, folder, above=256 * 1024)
    assert [any(name == DATAREF for name, _ in record.headers) for record in sent] == [
        False,
        False,
        True,
        False,
    ]
    assert len(sent[2].value or b"") < 10_000
    await on_record(database, sent)
    steps = (await pointsman.run("trace", str(story_id(1)), "--json")).json["steps"]
    assert steps[2]["payload"]["response_raw"] == body.model_dump()
    page = (await pointsman.run("report", str(story_id(1)))).out
    assert f"body as it came (utf-8, 20,000 of {len(body.content):,} characters)" in page
    assert "<html>xxx" in page
    assert "x" * 20_001 not in page


async def test_a_value_that_a_row_refers_to_is_never_deleted(
    pointsman: Command, database: str, folder: Path
) -> None:
    letter = example("job.dead.v1")
    records = story(1)
    named = await abridged(records[:2], folder)
    in_a_letter, orphan, young = await abridged([records[2], story(2)[0], story(3)[0]], folder)
    reference = dict(in_a_letter.headers)[DATAREF]
    buried = Incoming(
        *letter.origin, letter.timestamp_ms, letter.key, in_a_letter.value,
        (*letter.headers, (f"orig_{DATAREF}", reference)),
    )  # fmt: skip
    await on_record(database, [*named, buried])
    kept = [path_of(folder, record) for record in (*records[:3], story(3)[0])]
    unused = path_of(folder, story(2)[0])
    for path in [*kept[:3], unused]:
        os.utime(path, (time.time() - 9 * DAY_S,) * 2)
    os.utime(kept[3], (time.time() - 7 * DAY_S,) * 2)
    assert orphan != young
    tried = await pointsman.run("claims", "gc", "--days", "8", "--dry-run")
    assert tried.lines == [
        f"would remove 1 value of {unused.stat().st_size:,} bytes; 3 old values referred to"
    ]
    assert unused.exists()
    done = await pointsman.run("claims", "gc", "--days", "8", "--json")
    assert done.json == {"referred": 3, "removed": 1, "removed_bytes": len(story(2)[0].value or b"")}
    assert not unused.exists()
    assert all(path.exists() for path in kept)
    assert (await pointsman.run("claims", "gc", "--days", "7")).code == 2


async def test_without_the_audit_database_nothing_is_deleted(pointsman: Command, folder: Path) -> None:
    (orphan,) = [path_of(folder, record) for record in story(2)[:1]]
    await abridged(story(2)[:1], folder)
    os.utime(orphan, (time.time() - 9 * DAY_S,) * 2)
    away = {**pointsman.environment, "POINTSMAN_POSTGRES": "postgresql://me@127.0.0.1:9/x"}
    done = await Command(pointsman.folder, away).run("claims", "gc", "--days", "8")
    assert done.code == 1
    assert orphan.exists()
