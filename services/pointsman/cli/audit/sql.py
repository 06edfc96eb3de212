"""`pointsman sql`: query the audit database, read-only."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli import stdin
from pointsman.cli.options import Json, RecordSettings
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.store.ask.asking import QueryResult


async def sql(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="One statement; - reads it from stdin.")
    ] = None,
    *,
    list_questions: Annotated[
        bool, typer.Option("--list", help="Show what can be asked, each with an example.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    limit: Annotated[
        int, typer.Option(metavar="ROWS", min=0, help="At most this many rows; 0 is all.")
    ] = 1000,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after this time.")
    ] = 30,
    as_json: Json = False,
    settings: RecordSettings,
) -> None:
    """Query the audit database in SQL, read-only.

    One statement in a read-only transaction, with the rights of pointsman_auditor; a user who has more rights
    than that role is refused. `--list` shows the views and functions that are made for questions, e.g.

      pointsman sql "select * from audit.suspects(now() - interval '1 hour')"
    """
    from pointsman.store.ask.asking import read_only_query

    dsn = settings.postgres
    if list_questions:
        await _show_questions(dsn, as_json=as_json)
        return
    if query is None:
        raise CommandError("no question", '`pointsman sql "select ..."`, or see --list', code=2)
    if as_json and as_csv:
        raise CommandError("--json or --csv, not both", code=2)
    text = stdin.read_text() if query == "-" else query

    async with read_only_query(dsn, text, within=timedelta(seconds=timeout_s), by_user=True) as answer:
        await (_print_csv(answer, limit) if as_csv else _print(answer, limit, as_json=as_json))


async def _print(answer: "QueryResult", limit: int, *, as_json: bool) -> None:
    from pointsman.cli.show.answer import table, told_apart

    rows, more = await answer.first(limit)
    if as_json:
        names = told_apart(answer.columns)
        screen.print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        screen.show(table(answer.columns, rows, screen.console().width))
        if screen.on_terminal():
            screen.note(f"({len(rows):,} row{'' if len(rows) == 1 else 's'})")
    _note_more(limit, more=more)


async def _print_csv(answer: "QueryResult", limit: int) -> None:
    """Print page by page, as the result may be larger than memory."""
    from pointsman.cli.show.answer import csv_lines

    sys.stdout.write(csv_lines([answer.columns]))
    written = 0
    async for page in answer.pages():
        rows = page[: limit - written] if limit else page
        sys.stdout.write(csv_lines(rows))
        written += len(rows)
        if len(rows) < len(page):
            _note_more(limit, more=True)
            break
    sys.stdout.flush()


def _note_more(limit: int, *, more: bool) -> None:
    if more:
        screen.note(f"only the first {limit:,} rows are shown: --limit 0 shows all")


async def _show_questions(dsn: str, *, as_json: bool) -> None:
    from pointsman.cli.show.answer import listed
    from pointsman.store.ask.asking import questions

    all_questions = await questions(dsn)
    screen.report(all_questions, listed(all_questions), as_json=as_json)
