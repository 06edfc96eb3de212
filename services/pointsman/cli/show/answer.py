"""Draw the audit database's list of questions, and the results of queries."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from pointsman.cli.formats import duration, printable
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman.store.ask.asking import Question

Row = Sequence[Any]


def table(columns: Sequence[str], rows: Sequence[Row], width: int) -> RenderableType:
    """Return a table; if it is wider than `width`, each row as a list of name and value instead."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(columns)]
    if sum(widths) + 2 * len(widths) > width and rows:
        return _below_each_other(columns, cells)
    shown = plain_table(header="bold")
    for place, name in enumerate(columns):
        numbers = any(isinstance(row[place], int | float | Decimal) for row in rows)
        shown.add_column(name, justify="right" if numbers else "left", no_wrap=True)
    for row in cells:
        shown.add_row(*map(Text, row))
    return shown


def _below_each_other(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Text:
    widest = max(map(len, columns))
    text = Text()
    for number, row in enumerate(cells, 1):
        text.append(f"row {number}\n", "dim")
        for name, value in zip(columns, row, strict=True):
            text.append(f"{name:{widest}}  ", "bold")
            text.append(f"{value}\n")
    text.rstrip()
    return text


def told_apart(columns: Sequence[str]) -> list[str]:
    """Return unique column names: repeated ones get a number, as in `a`, `a_2`."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names or (number > 1 and name in columns):
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def cell(value: Any) -> str:
    """Format a value in one line; `-` for None."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            utc_value = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return utc_value.isoformat(" ", "milliseconds")
        case timedelta():
            return duration(value.total_seconds())
        case Decimal() | float() if not isfinite(value):
            return str(Decimal(value))
        case Decimal():
            plain = f"{value:f}"
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case list() if not any(isinstance(item, dict | list) for item in value):
            return ", ".join(map(cell, value))
        case dict() | list():
            return printable(json.dumps(value, ensure_ascii=False, default=str))
        case bytes():
            return printable(value.decode("utf-8", "backslashreplace"))
        case _:
            return printable(str(value))


def csv_lines(rows: Sequence[Row]) -> str:
    """Format rows as CSV: times in RFC 3339, durations in seconds, JSON as JSON, null as empty."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([[_plain(value) for value in row] for row in rows])
    return written.getvalue()


def _plain(value: Any) -> Any:
    match value:
        case float() if not isfinite(value):
            return str(Decimal(value))
        case datetime():
            return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case timedelta():
            return value.total_seconds()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return value


def listed(questions: Sequence[Question]) -> Text:
    """List the questions, those about one job first. They have JOB in their example."""
    text = Text()
    for title, about_a_job in (("about one job (JOB is its whole id)", True), ("about a time", False)):
        text.append(f"{title}\n", "bold underline")
        for question in questions:
            if ("JOB" in question.example) == about_a_job:
                arguments = "" if question.arguments is None else "(...)"
                text.append(f"\n{question.question}\n", "bold")
                text.append(f"  audit.{question.name}{arguments}", "cyan")
                text.append(f"  {question.how}\n" if question.how else "\n")
                text.append(f"  {question.example}\n", "dim")
        text.append("\n")
    text.rstrip()
    return text
