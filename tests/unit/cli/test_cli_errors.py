"""An error has one line for the problem and one for the remedy, and no traceback by default."""

import socket
import sys
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from pointsman.bus.errors import TopicMissingError
from pointsman.cli import main as program
from pointsman.cli.errors import explain
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import FileError


def test_problem_and_hint_are_one_line_each() -> None:
    assert str(CommandError("no broker", "start one")) == "error: no broker\n hint: start one\n"


def test_known_errors_have_a_hint() -> None:
    error = explain(TopicMissingError(["p.jobs.intake"]))
    assert error.problem == "not in Kafka: p.jobs.intake"
    assert error.hint == "make what is missing: pointsman topics apply"


def test_all_problems_of_a_file_are_shown() -> None:
    error = explain(FileError("policy.yaml", [(2, 1, "first"), (7, 3, "second")]))
    assert str(error) == "error: policy.yaml:2:1: first\npolicy.yaml:7:3: second\n"


def test_an_unexpected_error_says_how_to_get_the_traceback() -> None:
    error = explain(KeyError("x"))
    assert error.problem.startswith("KeyError")
    assert "POINTSMAN_DEBUG=1" in error.hint


def test_unreachable_servers_point_to_the_doctor() -> None:
    assert "pointsman doctor" in explain(ConnectionRefusedError(111, "refused")).hint


def test_a_password_is_never_shown() -> None:
    assert explain(OSError("postgresql://me:secret@host/db")).problem == "postgresql://me:***@host/db"


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
        assert caught.value.code == 1  # type: ignore[attr-defined]


def test_a_port_in_use_is_not_a_case_for_the_doctor() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OSError) as taken:
            socket.create_server(("127.0.0.1", port))
    error = explain(taken.value)
    assert str(port) in error.problem
    assert error.hint == "stop the program that listens there, or choose another port"


def test_a_policy_file_that_is_missing_has_a_fitting_hint(tmp_path: Path) -> None:
    done = CliRunner().invoke(program.app, ["policy", "check", str(tmp_path / "nosuch.yaml")])
    assert done.exception is not None
    error = explain(cast(Exception, done.exception))
    assert error.problem.endswith("nosuch.yaml: cannot be read: No such file or directory")
    assert error.hint == "name a file that exists, or make one: pointsman init"


@pytest.mark.parametrize("day", ["2026-13-01", "2026-W09-7", "20260301"])
def test_a_day_that_does_not_exist_is_named(day: str) -> None:
    done = CliRunner().invoke(program.app, ["audit", "verify", "--day", day])
    assert done.exit_code == 2
    assert f"{day!r} is no day such as 2026-03-01" in done.stderr
    assert "%Y" not in done.stderr
