"""Output of `pointsman dev`: uncut in a pipe, and on stderr beside JSON."""

import json
from uuid import UUID

import pytest
from rich.table import Table

from pointsman.dev.errors import DevError
from pointsman.dev.show.narrator import Narrator

LONG = "word " * 60 + "[Errno 28] end"


def small_table() -> Table:
    table = Table("name", "note", box=None)
    table.add_row("one" * 50, "")
    return table


def test_output_to_a_pipe_is_neither_wrapped_nor_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell = Narrator()
    tell.say(LONG, style="red")
    tell.show(small_table())
    captured = capsys.readouterr()
    assert captured.out == f"{LONG}\n name{' ' * 148}note\n {'one' * 50}\n"
    assert captured.err == ""


def test_a_pipe_gets_only_the_final_table(capsys: pytest.CaptureFixture[str]) -> None:
    with Narrator().redrawn() as draw:
        draw("first")
        draw("second")
    assert capsys.readouterr().out == "second\n"


def test_with_json_only_the_document_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Narrator(json=True)
    tell.say("starting")
    tell.show(small_table())
    tell.document({"job": UUID(int=1)})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"job": "00000000-0000-0000-0000-000000000001"}
    assert captured.err.startswith("starting\n")


def test_without_json_there_is_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator().document({"ok": True})
    assert capsys.readouterr().out == ""


def test_an_error_comes_with_its_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator().complain(DevError("no [room]", "make [some]"))
    assert capsys.readouterr() == ("", "error: no [room]\n hint: make [some]\n")
    Narrator().complain(ValueError("bare"))
    assert capsys.readouterr().err == "error: bare\n"
    Narrator().complain(ValueError("bare"), "try this")
    assert capsys.readouterr().err == "error: bare\n hint: try this\n"


def test_a_warning_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator().warn("port [1] is in use")
    assert capsys.readouterr() == ("", "port [1] is in use\n")
