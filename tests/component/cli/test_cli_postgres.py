"""Commands that query the audit database, and `doctor`, on real servers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.store.append.audit_writer import AuditWriter
from tests.conftest import Kafka
from tests.support.bus.example_records import TOPICS, example, story, story_id
from tests.support.running.command import Command
from tests.support.running.servers import Servers
from tests.support.running.simulated import serving
from tests.support.store.audit_store import as_auditor, audit_pool, put

pytestmark = pytest.mark.stack

START = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)


@pytest.fixture
def pointsman(database: str, tmp_path: Path) -> Command:
    return Command(tmp_path, {"POINTSMAN_POSTGRES": database})


@pytest.fixture
def reading(database: str, tmp_path: Path) -> Command:
    """Commands of a read-only user."""
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})


async def store(database: str) -> None:
    """Two complete jobs, and one that was rejected."""
    rejected = [example("job.rejected.v1"), example("job.dead.v1")]
    records = [*story(1, START), *story(2, START), *rejected]
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool, clock=lambda: START)
        await put(writer, [row_of(record, TOPICS) for record in records])


async def test_migrating_twice_is_migrating_once(pointsman: Command) -> None:
    first = await pointsman.run("db", "migrate")
    assert first.code == 0
    assert first.lines[0].startswith("applied 0001")
    again = await pointsman.run("db", "migrate", "--json")
    assert (again.code, again.json["applied"], again.json["created"]) == (0, [], False)


async def test_a_database_that_is_not_there_is_made(
    pointsman: Command, database: str, stack: Servers
) -> None:
    missing = f"{database}_more"
    try:
        made = await pointsman.run("db", "migrate", "--json", "--postgres", missing)
    finally:
        await stack.execute(f'drop database if exists "{missing.rpartition("/")[2]}" with (force)')
    assert (made.code, made.json["created"]) == (0, True)


async def test_without_tables_a_trace_says_how_to_make_them(pointsman: Command) -> None:
    done = await pointsman.run("trace", "0192")
    assert done.code == 1
    assert "pointsman db migrate" in done.err


async def test_a_job_is_traced_by_any_beginning_of_its_id(reading: Command, database: str) -> None:
    await store(database)
    job = str(story_id(1))
    done = await reading.run("trace", job[:13])
    assert done.code == 0, done.err
    assert job in done.lines[0]
    assert "completed" in done.lines[0]
    words = [word for line in done.lines for word in line.split() if word in {"submitted", "routed", "call"}]
    assert words == ["submitted", "routed", "call"]
    whole = (await reading.run("trace", job, "--json")).json
    assert [step["kind"] for step in whole["steps"]] == [
        "job.submitted.v1", "job.routed.v1", "call.finished.v1", "job.completed.v1",
    ]  # fmt: skip
    assert whole["job"]["state"] == "completed"
    assert '"job_id"' in (await reading.run("trace", job, "--full")).out


async def test_why_shows_the_checks_and_the_outcome(reading: Command, database: str) -> None:
    await store(database)
    job = str(story_id(1))
    done = await reading.run("why", job)
    assert done.code == 0, done.err
    assert any(line.lstrip().startswith("✓") for line in done.lines)
    assert done.lines[-1].startswith("outcome")
    answer = (await reading.run("why", job, "--json")).json
    assert answer["decision"]["checks"]
    assert answer["outcome"]["status"] == "completed"


async def test_why_of_a_rejected_job_says_what_refused_it(reading: Command, database: str) -> None:
    await store(database)
    rejected = dict(example("job.rejected.v1").headers)["ce_jobid"].decode()
    done = await reading.run("why", rejected)
    assert done.code == 0, done.err
    assert "rejected before a tier was chosen" in done.out


async def test_an_ambiguous_or_unknown_id_is_reported(reading: Command, database: str) -> None:
    await store(database)
    several = await reading.run("trace", "")
    assert several.code == 2
    nothing = await reading.run("why", "ffffffffffff")
    assert nothing.code == 1
    assert "pointsman lag" in nothing.err
    nonsense = await reading.run("cancel", "no-such-job")
    assert nonsense.code == 2


async def test_the_doctor_finds_what_is_missing_and_then_nothing(
    database: str, kafka: Kafka, tmp_path: Path
) -> None:
    async with serving() as url:
        pointsman = Command(
            tmp_path,
            {
                "POINTSMAN_KAFKA": kafka.bootstrap,
                "POINTSMAN_PREFIX": kafka.prefix,
                "POINTSMAN_POSTGRES": database,
                "POINTSMAN_SIMULATOR": url.removesuffix("/v1"),
            },
        )
        for wanted in (
            {"topics": "pointsman topics apply", "migrations": "pointsman db migrate"},
            {"agents": "pointsman agents apply"},  # cannot be read before its topic exists
        ):
            ill = await pointsman.run("doctor", "--json")
            assert ill.code == 1
            fixes = {check["check"]: check["fix"] for check in ill.json if check["ok"] is False}
            assert fixes == wanted
            for fix in fixes.values():
                assert (await pointsman.run(*fix.split()[1:])).code == 0
        well = await pointsman.run("doctor")
        assert well.code == 0, well.out
        assert all(line.startswith(("✓", " ")) for line in well.lines)


async def test_the_dev_stacks_settings_are_used_unless_the_environment_has_others(
    database: str, tmp_path: Path
) -> None:
    left = tmp_path / ".pointsman" / "settings.env"
    left.parent.mkdir()
    left.write_text(f"POINTSMAN_POSTGRES={database}\n")
    assert (await Command(tmp_path, {}).run("db", "migrate")).code == 0
    elsewhere = Command(tmp_path, {"POINTSMAN_POSTGRES": "postgresql://127.0.0.1:1/x"})
    assert (await elsewhere.run("trace", "01")).code == 1
