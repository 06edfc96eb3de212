"""Every regular expression of the package runs in linear time on any text.

A table of pumps is tried on each: a beginning, a part that is repeated, an end. Parts of the pattern's own
text are among them. Steps of the search are counted, so that the answer is the same on any machine. Patterns
are gathered in a test, not while tests are collected: that imports the whole package.
"""

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pointsman
import pointsman_schemas
from tests.support.text.backtracking import Backtracking, TooManyStepsError

#: Characters of the texts, each four times the one before. What is linear takes about four times the steps,
#: what is quadratic sixteen times; a text that takes less than the number is the last one that is tried.
LENGTHS, GROWS = (24, 96, 384, 1_536), 7
#: Steps beyond the square of the text by this factor are too many, however they grow.
TOO_MANY = 60

#: A beginning, and what is repeated behind it.
Pump = tuple[str, str]

PIECES = (
    *"aA0 !'\"\\/:.,-_\n\t@#$*([{<`+=~^|)]}é",
    *("aA", "a ", "a.", "a-", "0.", "0,", "!a", "\\u", "\\u0041", "''", "\n ", "--\n", "/*", "*/ "),
)


def modules() -> Iterator[ModuleType]:
    for package in (pointsman, pointsman_schemas):
        yield package
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and ".bench.hop" not in module.name:
                try:
                    yield importlib.import_module(module.name)
                except ImportError:  # an extra that is not installed: its source is read all the same
                    continue


def inside(value: Any, seen: set[int], depth: int = 0) -> Iterator["re.Pattern[Any]"]:
    """Patterns inside a module's value: in containers, classes and plain objects."""
    if isinstance(value, re.Pattern):
        yield value
        return
    if id(value) in seen or depth > 5 or isinstance(value, str | bytes | int | float | ModuleType):
        return
    seen.add(id(value))
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    elif isinstance(value, type) or type(value).__module__.startswith("pointsman"):
        if isinstance(value, type) and not value.__module__.startswith("pointsman"):
            return
        parts = list(getattr(value, "__dict__", {}).values())
        parts += [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
    for part in parts:
        yield from inside(part, seen, depth + 1)


def written() -> Iterator["re.Pattern[Any]"]:
    """Patterns in calls of `re`."""
    for package in (pointsman, pointsman_schemas):
        for path in Path(package.__path__[0]).rglob("*.py"):
            source = path.read_text()
            for call in ast.walk(ast.parse(source)) if re.search(r"\bre\.", source) else ():
                match call:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="re"), attr=name),
                        args=[ast.Constant(value=str() | bytes() as text), *_],
                    ) if name != "escape":
                        yield re.compile(text)


@cache
def patterns() -> dict[str, "re.Pattern[Any]"]:
    """All patterns once, with the flags they are used with."""
    seen: set[int] = set()
    values = [value for module in modules() for value in vars(module).values()]
    held = [pattern for value in values for pattern in inside(value, seen)]
    return {f"{pattern.pattern!r}": pattern for pattern in (*written(), *held)}


def literals(pattern: str) -> list[str]:
    """Literal parts of a pattern, for texts that get past its beginning."""
    plain = re.sub(r"\(\?(?:<?[=!]|[:>]|P<\w+>)|\\[a-zA-Z]", " ", pattern).replace("\\", "")
    words = re.findall(r"[A-Za-z]+", plain) + re.findall(r"[A-Za-z#`\"':/_$@{\[-]{1,40}", plain)
    return list(dict.fromkeys(words))[:8]


def pumps(pattern: str) -> Iterator[Pump]:
    known = literals(pattern)
    pieces = dict.fromkeys((*PIECES, *known))
    for begin in dict.fromkeys(("", *known[:3], "".join(known[:2]))):
        for piece in pieces:
            yield begin, piece
    for first in known:
        for piece in PIECES:
            yield "", first + piece


def texts(pattern: "re.Pattern[Any]", pump: Pump) -> list[str]:
    """One text of each length, as bytes for patterns of bytes."""
    begin, piece = pump
    made = [begin + piece * (length // len(piece)) + "\x00" for length in LENGTHS]
    return made if isinstance(pattern.pattern, str) else [text.encode().decode("latin-1") for text in made]


def steps(counted: Backtracking, text: str) -> float:
    try:
        counted.begin(text, TOO_MANY * len(text) ** 2)
        counted.full()
        for _ in counted.all():
            pass
    except TooManyStepsError:
        return float("inf")
    return counted.steps


def slow(counted: Backtracking, texts: list[str]) -> bool:
    """Whether steps grow much faster than the text."""
    before = steps(counted, texts[0])
    for text in texts[1:]:
        if before == float("inf"):
            return True
        after = steps(counted, text)
        if after < GROWS * before:
            return False
        before = after
    return True


def slow_pumps(pattern: "re.Pattern[Any]") -> Iterator[Pump]:
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    counted, tried = Backtracking(pattern), set()
    for pump in pumps(source):
        made = texts(pattern, pump)
        alike = tuple(counted.kind(character) for character in made[0])
        if alike not in tried and slow(counted, made):
            yield pump
        tried.add(alike)


@pytest.fixture(autouse=True)
def deep() -> Iterator[None]:
    """Raises the recursion limit, because the search recurses once per repetition."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(before)


def test_every_pattern_is_linear() -> None:
    pumps = {name: next(slow_pumps(pattern), None) for name, pattern in patterns().items()}
    findings = [
        f"{name} is slow on {pump[0]!r} and then {pump[1]!r} many times"
        for name, pump in pumps.items()
        if pump
    ]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    "slower",
    [
        r"\\+u([0-9a-f]{4})",
        r"eyJ[\w-]{8,}\.",
        r"a\s*[:=]?\s*b",
        rb"(\d+)*x",
        "(a|a)*b",
        "(?:a+)+$",
        "<.*?>.*?;",
    ],
)
def test_what_is_not_linear_is_noticed(slower: str | bytes) -> None:
    assert next(slow_pumps(re.compile(slower)), None)


def test_all_patterns_are_tried() -> None:
    """Including some in a class, a container and a function."""
    sources = "\n".join(patterns())
    for part in ("final answer", "0-9a-fA-F]{4}", "eyJ", "://", "say(?:"):
        assert part in sources, part


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?i)\bab?(?:c|d+?)*e", "(?m)^a*?$", r"(?<=a)b++(?!c)|\w{2,3}", "(?:a?){0,3}", "x*",
        r"(?s:.)(?>a*)a?",
        r"(?:a|ab)(?:c|bcd)(?:d*)", "(?:|a)+", r"[^\W\d]+?\Z",
    ],
)  # fmt: skip
def test_the_counting_search_finds_the_same_as_re(pattern: str) -> None:
    counted, compiled = Backtracking(re.compile(pattern)), re.compile(pattern)
    for text in ("", "a", "abc", "aab abbc ABCDE", "abcd\naaa\n\nxx", "acdcdde bbb abbbc_1"):
        counted.begin(text, 100_000)
        assert list(counted.all()) == [match.span() for match in compiled.finditer(text)], text
        whole = compiled.fullmatch(text)
        assert counted.full() == (whole and whole.span()), text
