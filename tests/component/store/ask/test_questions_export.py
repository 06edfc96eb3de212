"""`pointsman audit export` writes the rows as recorded, completely or not at all."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.runtime.errors import CommandError
from pointsman.store.ask import export_files
from pointsman.store.ask.exporting import exporting
from tests.support.running.servers import Servers
from tests.support.store.audit_store import as_auditor, observer
from tests.support.store.incident import START, Job, failing_agent, recorded, unreadable

pytestmark = pytest.mark.stack

YESTERDAY = START - timedelta(days=1)
NOT_TEXT = b"\xff\x00 no text"


@pytest.fixture(scope="module")
def recorded_dsn(stack: Servers) -> Iterator[str]:
    jobs = [*failing_agent(), Job(900, YESTERDAY), Job(901, START + timedelta(days=40))]
    with recorded(stack, jobs, unreadable(1, YESTERDAY, NOT_TEXT)) as dsn:
        yield as_auditor(dsn)


async def rows_of(dsn: str) -> list[asyncpg.Record]:
    """The expected rows of the export of both days, in order."""
    async with observer(dsn) as connection:
        return await connection.fetch(
            "select * from audit.message where broker_at < $1"
            " order by (broker_at at time zone 'UTC')::date, topic, partition, \"offset\"",
            START + timedelta(days=1),
        )


def export(dsn: str, *arguments: str) -> Any:
    days = [
        "--since",
        YESTERDAY.date().isoformat(),
        "--until",
        (START + timedelta(days=1)).date().isoformat(),
    ]
    return CliRunner().invoke(app, ["audit", "export", "--postgres", dsn, *days, *arguments])


async def test_every_row_of_the_time_is_there_in_order_with_its_exact_bytes(
    recorded_dsn: str, tmp_path: Path
) -> None:
    stored_rows = await rows_of(recorded_dsn)
    async with exporting(recorded_dsn, YESTERDAY, START + timedelta(days=1)) as exported:
        pages = [page async for page in exported.pages()]
    rows = [row for page in pages for row in page]
    names = [column.name for column in exported.columns]
    assert exported.rows == len(rows) == len(stored_rows)
    assert [dict(zip(names, row, strict=True))["value"] for row in rows] == [
        row["value"] for row in stored_rows
    ]
    assert set(names) == set(stored_rows[0].keys()) - {"payload"}
    assert max(map(len, pages)) <= 500
    assert len(pages) > 1


def test_json_lines_are_complete(recorded_dsn: str, tmp_path: Path) -> None:
    done = export(recorded_dsn, "--output", str(tmp_path / "audit.jsonl"))
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {line["kind"] for line in lines} >= {"job.submitted.v1", "call.finished.v1", "job.failed.v1"}
    (letter,) = [line for line in lines if line["kind"] == "job.dead.v1"]
    assert base64.b64decode(letter["value"]["base64"]) == NOT_TEXT
    call = next(line for line in lines if line["kind"] == "call.finished.v1")
    assert json.loads(call["value"])["job_id"] == call["job_id"]
    assert isinstance(call["headers"], list)
    assert call["cost_usd"] == json.loads(call["value"])["cost_usd"]
    assert [path.name for path in tmp_path.iterdir()] == ["audit.jsonl"]


def test_json_lines_go_to_stdout_too(recorded_dsn: str) -> None:
    done = export(recorded_dsn)
    assert len(done.stdout.splitlines()) == 120 * 4 + 2 * 15 + 4 + 1


def test_parquet_has_the_same_rows_in_groups_of_bounded_size(
    recorded_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(export_files, "_GROUP_BYTES", 100_000)
    for kind in ("parquet", "jsonl"):
        done = export(recorded_dsn, "--format", kind, "--output", str(tmp_path / kind))
        assert done.exit_code == 0, done.output
    with parquet.ParquetFile(tmp_path / "parquet") as file:
        assert file.num_row_groups > 1
        table = file.read()
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert table.column("job_id").to_pylist() == [line["job_id"] for line in lines]
    assert str(table.schema.field("broker_at").type) == "timestamp[us, tz=UTC]"
    costs = [None if cost is None else float(cost) for cost in table.column("cost_usd").to_pylist()]
    assert costs == [None if line["cost_usd"] is None else float(line["cost_usd"]) for line in lines]
    assert NOT_TEXT in table.column("value").to_pylist()


def test_an_interrupted_export_leaves_no_file(
    recorded_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    (tmp_path / "audit.jsonl").write_text("of yesterday")
    monkeypatch.setattr(export_files.JsonLines, "write", full)
    done = export(recorded_dsn, "--output", str(tmp_path / "audit.jsonl"))
    assert isinstance(done.exception, OSError)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"audit.jsonl": "of yesterday"}


@pytest.mark.parametrize(
    "arguments", [["--format", "parquet"], ["--since", "1d", "--until", "2d"]], ids=["parquet", "reversed"]
)
def test_invalid_arguments_are_refused(recorded_dsn: str, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["audit", "export", "--postgres", recorded_dsn, *arguments])
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == 2
