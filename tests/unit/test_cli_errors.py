"""An error is one line of what and one of what to do, never a traceback unless asked for."""

import sys

import pytest

from pointsman.cli import main as program
from pointsman.cli.errors import CommandError, explain, hide_password


def test_what_and_hint_stand_on_a_line_each() -> None:
    assert str(CommandError("no broker", "start one")) == "error: no broker\n hint: start one\n"


def test_the_adapters_hint_is_kept() -> None:
    error = RuntimeError("two\nlines")
    error.hint = "paste this"  # type: ignore[attr-defined]
    assert explain(error).what == "two lines"
    assert explain(error).hint == "paste this"


def test_what_cannot_be_reached_points_to_the_doctor() -> None:
    assert "pointsman doctor" in explain(ConnectionRefusedError(111, "refused")).hint


def test_a_password_is_never_shown() -> None:
    assert hide_password("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert "secret" not in explain(OSError("postgresql://me:secret@host/db")).what


@pytest.mark.parametrize(
    ("argv", "environment", "raised"),
    [
        (["pointsman", "version"], "", SystemExit),
        (["pointsman", "--debug", "version"], "", LookupError),
        (["pointsman", "version", "--debug"], "", LookupError),
        (["pointsman", "version"], "1", LookupError),
    ],
)
def test_the_traceback_appears_when_asked_for(
    argv: list[str], environment: str, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise LookupError("lost")

    monkeypatch.setattr(program, "app", broken)
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setenv("POINTSMAN_DEBUG", environment)
    with pytest.raises(raised) as caught:
        program.main()
    if raised is SystemExit:
        assert caught.value.code == 1  # type: ignore[union-attr]
