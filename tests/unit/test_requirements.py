"""Dependencies are pinned: packages in requirements/ with hashes, images in compose/ by digest."""

import ast
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
BASE: list[str] = PROJECT["project"]["dependencies"]


def _group(name: str) -> list[str]:
    return [
        line
        for entry in GROUPS[name]
        for line in ([entry] if isinstance(entry, str) else _group(entry["include-group"]))
    ]


_ALL = [
    *BASE,
    *(line for name in ("dev", "export", "learn", "mcp", "opinion", "s3") for line in EXTRAS[name]),
]
ASKED = {
    "all": [*_ALL, *_group("lint"), *_group("test")],
    "dev": [*BASE, *EXTRAS["dev"]],
    "service": BASE,
    "service-opinion": [*BASE, *EXTRAS["opinion"]],
    "compat": [*BASE, *EXTRAS["dev"], *_group("compat")],
    "compat-openai2": [*BASE, *EXTRAS["dev"], *_group("compat-openai2")],
}


def pinned(name: str) -> dict[str, set[str]]:
    """Versions by package; there may be one for each platform."""
    text = (CHECKOUT / "requirements" / f"{name}.txt").read_text()
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!-]+)", text, re.M):
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


def test_every_library_that_is_imported_is_asked_for() -> None:
    asked = {
        canonicalize_name(Requirement(line).name) for line in [*BASE, *itertools.chain(*EXTRAS.values())]
    }
    asked.add(canonicalize_name("pydantic-core"))  # a part of pydantic, of the one version that fits it
    packages = packages_distributions()
    imported = {
        name.split(".")[0]
        for folder in ("services/pointsman", "schemas/pointsman_schemas")
        for path in (CHECKOUT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in _imported(node)
    }
    foreign = imported - sys.stdlib_module_names - {"pointsman", "pointsman_schemas"}
    missing = {
        name
        for name in foreign
        if not asked & {canonicalize_name(package) for package in packages.get(name, [name])}
    }
    assert missing == set()


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case _:
            return []


@pytest.mark.parametrize("name", ASKED)
def test_each_file_holds_what_the_project_asks_for(name: str) -> None:
    versions = pinned(name)
    for line in ASKED[name]:
        asked = Requirement(line)
        held = versions.get(canonicalize_name(asked.name), set())
        assert held, f"{asked.name} is not in requirements/{name}.txt: run ./scripts/lock"
        for version in held:
            assert asked.specifier.contains(version, prereleases=True), (
                f"{asked.name} {version} in requirements/{name}.txt: run ./scripts/lock"
            )


@pytest.mark.parametrize("name", ASKED)
def test_every_package_has_hashes_and_no_file_an_address(name: str) -> None:
    text = (CHECKOUT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"^(?=\S)", text, flags=re.M)[1:]
    assert entries
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"^-.*|\S*://\S*", text, re.M) == []


def test_a_package_has_the_same_versions_wherever_it_is_installed() -> None:
    everything = pinned("all")
    for name in [name for name in ASKED if not name.startswith("compat")]:
        assert {
            package: held for package, held in pinned(name).items() if not held <= everything[package]
        } == {}


def test_the_files_are_these() -> None:
    assert {file.stem for file in (CHECKOUT / "requirements").iterdir()} == set(ASKED)


def test_images_are_pinned_by_digest() -> None:
    texts = [path.read_text() for path in (CHECKOUT / "compose").iterdir() if path.is_file()]
    images = [name for text in texts for name in re.findall(r"^\s*(?:image:|FROM) (\S+)", text, re.M)]
    assert len(images) >= 6
    own = "pointsman:local"
    pinned_image = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")
    assert [name for name in images if name != own and not pinned_image.fullmatch(name)] == []
