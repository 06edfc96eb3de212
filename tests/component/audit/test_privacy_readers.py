"""Readers report what is hidden from them, read it with its keys, and never fail because of it."""

from pathlib import Path

import pytest

from pointsman.audit.privacy_file import PrivacyFile
from pointsman.bus.codec.records import Incoming
from pointsman.store.privacy.erasing import erase
from tests.support.bus.example_records import story, story_id
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, as_eraser, as_opener, observer
from tests.support.store.privacy import MASTER, NOTHING, NOW, SUBJECT, SUBJECT_HEADER, private_sink, store
from tests.support.text.parsed import parse_privacy

pytestmark = pytest.mark.stack

KEY = "22" * 32
JOB = str(story_id(0))


def about_somebody(number: int) -> list[Incoming]:
    """The records of a job, all about one person."""
    return [
        Incoming(
            *record.origin, record.timestamp_ms, record.key, record.value, (*record.headers, SUBJECT_HEADER)
        )
        for record in story(number, NOW)
    ]


async def recorded(dsn: str, file: PrivacyFile = NOTHING, *, sealed: bool = True) -> None:
    async with private_sink(dsn, file) as sink:
        await store(sink, about_somebody(0) if sealed else story(0, NOW))


async def said(command: Command, *arguments: str) -> str:
    """The output of a command that must succeed."""
    done = await command.run(*arguments)
    assert "Traceback" not in done.err, done.err
    assert "POINTSMAN_DEBUG" not in done.err, done.err
    return done.out + done.err


SINCE = ("--since", "2026-01-01T00:00:00Z")
QUESTIONS = (
    ("trace", JOB), ("why", JOB), ("why", JOB, "--recompute"), ("report", JOB), ("replay", *SINCE),
    ("policy", "simulate", *SINCE), ("audit", "export", *SINCE),
)  # fmt: skip
PROMPT = "Limitation of liability"


async def test_without_keys_every_reader_reports_encrypted_rows(database: str, tmp_path: Path) -> None:
    await recorded(database)
    auditor = Command(
        tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database), "POINTSMAN_AUDIT_PRIVACY_KEY": KEY}
    )
    answers = {question[:1] + question[2:]: await said(auditor, *question) for question in QUESTIONS}
    assert all(PROMPT not in answer for answer in answers.values())
    assert answers["trace",].count("sealed for whom it is about") == 4
    for asked in (("why",), ("why", "--recompute")):
        assert "sealed for the person" in answers[asked]
        assert "pointsman_audit_opener" in answers[asked]
    assert "sealed for whom it is about" in answers["report",]
    assert "what it said is sealed" in answers["replay", SINCE[1]]


async def test_both_keys_decrypt_and_erasure_makes_it_unreadable(database: str, tmp_path: Path) -> None:
    await recorded(database)
    opener = Command(
        tmp_path, {"POINTSMAN_POSTGRES": as_opener(database), "POINTSMAN_AUDIT_PRIVACY_KEY": KEY}
    )
    traced = await said(opener, "trace", JOB, "--full")
    assert PROMPT in traced
    assert "sealed" not in traced
    assert "policy" in await said(opener, "why", JOB)
    assert "1 job would be replayed" in await said(opener, "replay", *SINCE)
    await erase(as_eraser(database), MASTER, SUBJECT)
    assert (await said(opener, "trace", JOB)).count("(erased)") == 4
    assert "was erased" in await said(opener, "why", JOB)


async def test_masked_jobs_are_shown_but_not_recomputed_or_resubmitted(database: str, tmp_path: Path) -> None:
    await recorded(
        database, parse_privacy("masks: [{name: clause, paths: ['$..messages[*].content']}]"), sealed=False
    )
    auditor = Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})
    traced = await said(auditor, "trace", JOB)
    assert "[masked clause" in traced
    assert PROMPT not in traced
    assert "was masked by clause" in await said(auditor, "why", JOB, "--recompute")
    assert "masked by clause" in await said(auditor, "replay", *SINCE)


async def test_the_commands_erase_and_report_it(database: str, tmp_path: Path) -> None:
    await recorded(database)
    environment = {
        "POINTSMAN_POSTGRES_ERASER": as_eraser(database),
        "POINTSMAN_POSTGRES": as_auditor(database),
    }
    keyless = await Command(tmp_path, environment).run("audit", "erase", "--subject", SUBJECT)
    assert (keyless.code, "POINTSMAN_AUDIT_PRIVACY_KEY" in keyless.err) == (2, True)
    eraser = Command(tmp_path, {**environment, "POINTSMAN_AUDIT_PRIVACY_KEY": KEY})
    output = await eraser.run("audit", "erase", "--subject", SUBJECT, "--dry-run")
    assert output.out == "would erase 4 rows of 1 job on 1 day, 2026-03-12 to 2026-03-12\n"
    unsure = await eraser.run("audit", "erase", "--subject", SUBJECT)
    assert (unsure.code, "--yes" in unsure.err) == (2, True)
    done = await eraser.run("audit", "erase", "--subject", "-", "--yes", "--json", stdin=f"{SUBJECT}\n")
    assert (done.json["erased"], done.json["found"]["rows"]) == (True, 4)
    again = await eraser.run("audit", "erase", "--subject", SUBJECT, "--yes")
    assert again.out == "nothing is sealed for this subject, or it was erased before\n"
    verified = await eraser.run("audit", "verify")
    assert verified.code == 0, verified.out
    assert "4 rows sealed for a subject" in verified.out


async def test_every_query_works_with_hidden_rows(database: str) -> None:
    await recorded(
        database, parse_privacy("masks: [{name: clause, paths: ['$..messages[*].content', $..metadata]}]")
    )
    async with private_sink(database, parse_privacy("masks: [{name: all, paths: [$]}]")) as sink:
        await store(sink, story(1, NOW), first=1)
    async with observer(as_auditor(database)) as connection:
        asked = await connection.fetch("select name, example from audit.questions")
        for question in asked:
            await connection.fetch(question["example"].replace("JOB", JOB))
    assert len(asked) > 20
