"""Folders stay small enough to be taken in at a glance, and tests are where what they test is."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "services" / "pointsman"
MOST = 18


def test_no_folder_of_code_holds_too_many_files() -> None:
    code = [*PACKAGE.rglob("*.py"), *(ROOT / "services" / "native" / "src").rglob("*.rs")]
    tests = [path for kind in ("unit", "component") for path in (ROOT / "tests" / kind).rglob("*.py")]
    files = Counter(str(path.parent.relative_to(ROOT)) for path in [*code, *tests])
    assert {folder: count for folder, count in files.items() if count > MOST} == {}


def test_each_folder_of_tests_is_named_like_a_package() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests" / kind)
        for kind in ("unit", "component")
        for path in (ROOT / "tests" / kind).rglob("test_*.py")
    }
    packages = {path for path in folders if (PACKAGE / path / "__init__.py").is_file()}
    assert folders - packages == {Path("schemas")}


def test_no_part_registers_itself_when_it_is_made() -> None:
    """Whoever builds it does that: control flows one way."""
    handed = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        for maker in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(maker, ast.FunctionDef) and maker.name in ("__init__", "__post_init__")
        for call in ast.walk(maker)
        if isinstance(call, ast.Call)
        if any(isinstance(given, ast.Name) and given.id == "self" for given in call.args)
        if isinstance(call.func, ast.Attribute) and call.func.attr != "__init__"
    ]
    assert handed == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()
