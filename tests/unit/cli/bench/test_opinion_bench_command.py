"""`bench routing --opinion` without the extra says what to install."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.runtime.errors import CommandError


def test_a_missing_extra_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = CliRunner().invoke(app, ["bench", "routing", "--data", str(tmp_path), "--opinion"])
    assert isinstance(result.exception, CommandError)
    assert "onnxruntime is not installed" in str(result.exception)
    assert "pointsman[opinion]" in result.exception.hint
