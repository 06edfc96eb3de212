"""Addresses come from flags, the environment, `pointsman dev`'s file, or defaults, in this order."""

from pathlib import Path

import pytest
from pydantic import field_validator

from pointsman.cli.settings import CliSettings, load
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import HttpPart


class Refusing(CliSettings):
    """Settings with a validator that refuses every address."""

    @field_validator("kafka")
    @classmethod
    def _refuse(cls, _: str) -> str:
        raise ValueError("is no server")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder without pointsman's variables; changes are undone."""
    monkeypatch.chdir(tmp_path)
    for name in ("KAFKA", "PREFIX", "POSTGRES", "HTTP_PORT", "SIMULATOR"):
        monkeypatch.setenv(f"POINTSMAN_{name}", "")
        monkeypatch.delenv(f"POINTSMAN_{name}")
    return tmp_path


def left_by_dev(folder: Path, text: str) -> None:
    (folder / ".pointsman").mkdir()
    (folder / ".pointsman" / "settings.env").write_text(text)


def test_defaults_are_those_of_the_dev_stack() -> None:
    assert load(CliSettings).kafka == "127.0.0.1:19092"


def test_sources_have_an_order_of_precedence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by_dev(
        folder, "POINTSMAN_KAFKA=left:1\nPOINTSMAN_PREFIX=left\nPOINTSMAN_POSTGRES=postgresql://left/x\n"
    )
    monkeypatch.setenv("POINTSMAN_PREFIX", "environment")
    monkeypatch.setenv("POINTSMAN_POSTGRES", "postgresql://environment/x")
    settings = load(CliSettings, postgres="postgresql://flag/x", prefix=None)
    assert (settings.kafka, settings.prefix) == ("left:1", "environment")
    assert settings.postgres == "postgresql://flag/x"


def test_only_pointsmans_variables_are_adopted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "kept")
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    left_by_dev(folder, "PATH=evil\nLD_PRELOAD=evil\n# a comment\nPOINTSMAN_KAFKA=left:1\n\n")
    import os

    load(CliSettings)
    assert os.environ["PATH"] == "kept"
    assert "LD_PRELOAD" not in os.environ


def test_an_invalid_setting_is_named_as_it_was_set() -> None:
    with pytest.raises(CommandError) as refused:
        load(HttpPart, http_port=99_999)
    assert refused.value.code == 2
    assert "POINTSMAN_HTTP_PORT" in refused.value.problem
    assert "--http-port" in refused.value.hint


def test_an_invalid_setting_is_told_without_the_librarys_words() -> None:
    with pytest.raises(CommandError) as refused:
        load(Refusing, kafka="anything")
    assert refused.value.problem == "POINTSMAN_KAFKA: is no server"
    with pytest.raises(CommandError) as refused:
        load(HttpPart, http_port="abc")
    assert refused.value.problem.startswith("POINTSMAN_HTTP_PORT: must be a valid integer")
