"""The native library is built where a compiler can do it; where not, the build says why, and goes on."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pointsman.native import library
from tests.support.fast_path import needs_library

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_native.py"


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a library and a PATH of its own."""
    spec = importlib.util.spec_from_file_location("build_native", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LIBRARY", tmp_path / "swift.so")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return module


def install(folder: Path, script: str) -> None:
    compiler = folder / "bin" / "rustc"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)


def test_without_a_compiler_nothing_of_old_stays(builder: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "swift.so").write_bytes(b"of other sources")
    assert builder.build() == "there is no Rust compiler (rustc)"
    assert not (tmp_path / "swift.so").exists()


def test_an_old_compiler_is_not_asked(builder: ModuleType, tmp_path: Path) -> None:
    install(tmp_path, 'echo "rustc 1.60.0 (7737e0b5c 2022-04-04)"')
    assert builder.build() == "rustc is 1.60, 1.84 is needed"


def test_what_the_compiler_says_is_told(builder: ModuleType, tmp_path: Path) -> None:
    install(
        tmp_path, '[ "$1" = --version ] && echo "rustc 1.90.0" && exit\necho "error: no linker" >&2\nexit 1'
    )
    assert builder.build() == "rustc failed:\nerror: no linker\n"


@needs_library
def test_a_library_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.library.__wrapped__() is not None
    monkeypatch.setattr(library, "VERSION", library.VERSION + 1)
    assert library.library.__wrapped__() is None


def test_a_library_that_is_not_there_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "none.so")
    assert library.library.__wrapped__() is None
