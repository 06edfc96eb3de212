"""Folders and files stay within their size limits, and tests mirror the code's folders."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "services" / "pointsman"
MOST = 18


def test_no_folder_of_code_holds_too_many_files() -> None:
    code = [
        *PACKAGE.rglob("*.py"),
        *(ROOT / "schemas" / "pointsman_schemas").rglob("*.py"),
        *(ROOT / "services" / "native" / "src").rglob("*.rs"),
    ]
    tests = (ROOT / "tests").rglob("*.py")
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


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()


def test_a_public_class_name_means_one_thing() -> None:
    code = [path for folder in ("services", "schemas") for path in (ROOT / folder).rglob("*.py")]
    trees = [(path, ast.parse(path.read_text("utf-8"))) for path in code]
    classes = [
        (node.name, str(path)) for path, tree in trees for node in tree.body if isinstance(node, ast.ClassDef)
    ]
    times = Counter(name for name, _ in classes if not name.startswith("_"))
    assert sorted(place for place in classes if times[place[0]] > 1) == []
