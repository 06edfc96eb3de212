"""Output to a pipe: plain lines, valid JSON, no terminal codes."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from rich.table import Table
from rich.text import Text

from pointsman.runtime.terminal import screen


@dataclass(frozen=True, slots=True)
class Thing:
    at: datetime
    took: timedelta
    cost: Decimal
    id: UUID
    raw: bytes


def test_output_to_a_pipe_has_no_colour_padding_or_truncation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = Table.grid(padding=(0, 2))
    rows.add_row(Text("long " * 100, "red"), "x")
    rows.add_row("[red]short[/red]", "")
    screen.show(Text("[bold]", "bold green"), rows)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0] == "[bold]"
    assert lines[1].count("long") == 100
    assert lines[2] == "[red]short[/red]"


def test_json_supports_all_value_types(capsys: pytest.CaptureFixture[str]) -> None:
    thing = Thing(
        datetime(2030, 1, 31, tzinfo=UTC), timedelta(seconds=1.5), Decimal("0.10"), UUID(int=1), b"\xff"
    )
    screen.print_json({"thing": thing, "umlaut": "ü"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "ü" in out
    assert json.loads(out)["thing"] == {
        "at": "2030-01-31T00:00:00.000000Z",
        "took": 1.5,
        "cost": "0.10",
        "id": "00000000-0000-0000-0000-000000000001",
        "raw": "\\xff",
    }


def test_what_is_not_finite_is_text_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    thing = Thing(datetime(2030, 1, 31), timedelta(seconds=1.5), Decimal("NaN"), UUID(int=1), b"ok")  # noqa: DTZ001
    screen.print_json({"rates": [float("nan"), float("inf"), float("-inf"), 0.1], "thing": thing, 1: "ü"})
    assert capsys.readouterr().out == (
        '{"rates": ["NaN", "Infinity", "-Infinity", 0.1], "thing": {"at": "2030-01-31T00:00:00.000000", '
        '"took": 1.5, "cost": "NaN", "id": "00000000-0000-0000-0000-000000000001", "raw": "ok"}, "1": "ü"}\n'
    )


def test_notes_are_on_stderr_and_not_beside_json(capsys: pytest.CaptureFixture[str]) -> None:
    screen.report([1], "one", notes=["that is all"], as_json=False)
    assert capsys.readouterr() == ("one\n", "that is all\n")
    screen.report([1], "one", notes=["that is all"], as_json=True)
    assert capsys.readouterr() == ("[1]\n", "")


def test_a_pipe_sees_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.progress(100, "published") as advance:
        advance(50)
    assert capsys.readouterr() == ("", "")


async def test_watching_repeats_the_query(capsys: pytest.CaptureFixture[str]) -> None:
    looks = iter([7])

    async def look() -> int:
        return next(looks, None) or pytest.fail("looked again")

    with pytest.raises(pytest.fail.Exception, match="looked again"):
        await screen.keep_showing(look, str, as_json=True, watch=True, server="x")
    assert capsys.readouterr().out == "7\n"


async def test_without_watching_the_result_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    async def look() -> int:
        return 7

    await screen.keep_showing(look, str, as_json=False, watch=False, server="x")
    assert capsys.readouterr().out == "7\n"


async def test_a_server_that_does_not_answer_is_named_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    is_told = asyncio.Event()

    def note(text: str) -> None:
        notes.append(text)
        is_told.set()

    async def look() -> int:
        async with asyncio.timeout(10):
            await is_told.wait()
        return 7

    monkeypatch.setattr(screen, "_SLOW_S", 0.0)
    monkeypatch.setattr(screen, "note", note)
    await screen.keep_showing(look, str, as_json=True, watch=False, server="Kafka at x:1")
    assert notes == ["waiting for Kafka at x:1"]


async def test_a_server_that_answers_is_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    async def look() -> int:
        return 7

    await screen.keep_showing(look, str, as_json=True, watch=False, server="Kafka at x:1")
    loop = asyncio.get_running_loop()
    pending = [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    assert pending == []
    assert capsys.readouterr().err == ""
