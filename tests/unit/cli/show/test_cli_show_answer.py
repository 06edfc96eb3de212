"""Display of query results: as a table, as a list if too wide, as CSV."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pointsman.cli.show.answer import cell, csv_lines, listed, table
from pointsman.store.ask.asking import Question


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (True, "yes"),
        (3, "3"),
        (Decimal("0.000100"), "0.0001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "NaN"),
        (datetime(2026, 3, 12, 9, 14, 5, 123456, UTC), "2026-03-12 09:14:05.123"),
        (timedelta(seconds=2.5), "2.50 s"),
        (["small", None], "small, -"),
        ({"a": "\x1b[31m"}, '{"a": "\\u001b[31m"}'),
        ([{"a": 1}], '[{"a": 1}]'),
        (b"caf\xc3\xa9\xff\x07", "café\\xff"),
        ("one\ntwo\x1b[0m", "one two [0m"),
    ],
)
def test_a_value_is_one_harmless_line(value: Any, expected: str) -> None:
    assert cell(value) == expected


def drawn(columns: tuple[str, ...], rows: list[tuple[Any, ...]], width: int) -> str:
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(table(columns, rows, width))
    return captured.get()


def test_wide_rows_are_shown_as_lists() -> None:
    rows = [("x" * 60, 1), ("y", 22)]
    assert isinstance(table(("text", "number"), rows, 100), Table)
    narrow = drawn(("text", "number"), rows, 50)
    assert "row 1" in narrow
    assert narrow.replace("\n", "").count("x") == 60 + 2  # not cut; two are the word text's
    assert [line for line in narrow.splitlines() if line.startswith("number")] == ["number  1", "number  22"]


def test_numbers_are_right_aligned() -> None:
    assert drawn(("n",), [(5,), (1000,)], 20).splitlines()[1].rstrip() == "   5"


def test_an_empty_result_has_a_header() -> None:
    assert drawn(("a", "b"), [], 5).split() == ["a", "b"]


def test_csv_quotes_what_it_must() -> None:
    rows = [("a,b", None, {"k": 1}, datetime(2026, 3, 12, tzinfo=UTC), b"\xff")]
    assert csv_lines(rows) == '"a,b",,"{""k"": 1}",2026-03-12T00:00:00+00:00,\\xff\n'


def test_queries_about_a_job_are_listed_first() -> None:
    asked = [
        Question("waste", "since ...", "What for nothing?", None, "select * from audit.waste()"),
        Question("why", None, "Why there?", "score is ...", "select * from audit.why where job_id = 'JOB'"),
    ]
    text = listed(asked)
    assert isinstance(text, Text)
    assert text.plain.index("audit.why") < text.plain.index("audit.waste(...)")
    assert "score is ..." in text.plain
