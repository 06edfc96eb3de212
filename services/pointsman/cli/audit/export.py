"""`pointsman audit export`: write rows of the audit table to a file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from pointsman.cli.options import RecordSettings
from pointsman.cli.since import since as moment
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen


async def export(
    *,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="Start of the period: 90m, 24h, 7d, or a time.")
    ] = "24h",
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="End of the period, not included; default: now.")
    ] = None,
    kind: Annotated[Literal["parquet", "jsonl"], typer.Option("--format", help="What to write.")] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write; JSON lines may also go to stdout."
        ),
    ] = None,
    settings: RecordSettings,
) -> None:
    """Export the rows of a period to a file, as recorded.

    `value` holds the exact bytes of each message. One snapshot, read page by page: memory stays bounded, and
    the file appears only once it is whole.
    """
    from pointsman.store.ask.export_files import whole_file

    now = datetime.now(UTC)
    first, last = moment(since, now), moment(until, now) if until else now
    if first >= last:
        raise CommandError(f"{since} is not before {until or 'now'}", code=2)
    dsn = settings.postgres
    if output is None:
        if kind == "parquet":
            raise CommandError("Parquet goes into a file", "add --output audit.parquet", code=2)
        await _export(dsn, first, last, kind, sys.stdout.buffer)
        return
    with whole_file(output) as file:
        rows = await _export(dsn, first, last, kind, file)
    screen.note(f"wrote {rows:,} rows to {output}")


async def _export(dsn: str, first: datetime, last: datetime, kind: str, file: BinaryIO) -> int:
    from pointsman.store.ask.export_files import WRITERS
    from pointsman.store.ask.exporting import exporting

    async with exporting(dsn, first, last) as rows:
        writer = WRITERS[kind](rows.columns, file)
        with screen.progress(rows.rows, "rows") as advance:
            async for page in rows.pages():
                writer.write(page)
                advance(len(page))
        writer.close()
    return rows.rows
