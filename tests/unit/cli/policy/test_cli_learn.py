"""The default path of a learned policy, and the message if there is none."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pointsman import starter
from pointsman.cli.main import app
from pointsman.cli.policy.learn import output_folder
from pointsman.learn.lesson import LessonRequest, new_policy
from pointsman.router.policy.policy_file import parse
from pointsman.runtime.errors import CommandError

SHIPPED = starter.POLICY


@pytest.mark.parametrize(
    ("policy", "folder"),
    [
        (SHIPPED, Path()),
        (SHIPPED.parent / ".." / SHIPPED.parent.name / SHIPPED.name, Path()),
        (Path("/etc/pointsman/policy.yaml"), Path("/etc/pointsman")),
        (Path("policy.yaml"), Path()),
    ],
)
def test_a_learned_policy_is_written_beside_the_policy_but_never_into_the_package(
    policy: Path, folder: Path
) -> None:
    assert output_folder(policy, SHIPPED) == folder


def test_an_invalid_new_policy_is_reported_with_the_file() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    wanted = LessonRequest(Path("own.yaml"), Path(), now, now, now, "0.99", None, lambda *_: None)
    with pytest.raises(CommandError, match=r"would not be valid: own.yaml:1:\d+: ") as raised:
        new_policy(wanted, lambda: parse("tiers: small", "own.yaml"))
    assert raised.value.hint == "fix own.yaml first"


def test_without_numpy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pointsman.learn", None)
    done = CliRunner().invoke(app, ["learn"])
    assert isinstance(done.exception, CommandError)
    assert done.exception.problem.startswith("learning needs the extra `learn`: ")
    assert done.exception.hint == 'pip install "pointsman[learn]"'
