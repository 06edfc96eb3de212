"""Every pattern of the package takes time in step with the text, whatever text somebody sends.

A table of pumps is tried on each: a beginning, a part that is repeated, an end. Parts of the pattern's own
text are among them. The processor's time counts, not the clock's, and only where it grows far faster than the
text. Patterns are gathered in a test, not while tests are collected: that imports the whole package.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pointsman
import pointsman_schemas

#: Characters of a text. A first one tells what is plainly linear, the others confirm what is not.
FIRST, SHORT, LONG = 1_000, 4_000, 16_000
#: Seconds of the processor for the short one, below which nothing is quadratic; and of the long one.
ENOUGH_S, LONG_S = 0.003, 0.05
#: The same for the first one: what is quadratic there takes as much longer as the square of the text.
FIRST_S = ENOUGH_S * (FIRST / SHORT) ** 2
#: How much longer the long one may take: linear is 4, quadratic 16. One that takes more grows by more than
#: the second number at each step, so what is below that is not tried again.
RATIO, GROWS = 8, 5
TRIES = 3

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
    """Patterns within a module's value: in containers, classes and plain objects."""
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
    """Patterns that stand in calls of `re`, wherever these are made."""
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
    """Each once, with the flags of the one in use where it is a module's."""
    seen: set[int] = set()
    values = [value for module in modules() for value in vars(module).values()]
    held = [pattern for value in values for pattern in inside(value, seen)]
    return {f"{pattern.pattern!r}": pattern for pattern in (*written(), *held)}


def literals(pattern: str) -> list[str]:
    """What stands in a pattern as it is, for pumps that get past its beginning."""
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


def text(pump: Pump, length: int) -> str:
    begin, piece = pump
    return begin + piece * (length // len(piece)) + "\x00"


def seconds(pattern: "re.Pattern[Any]", text: str) -> float:
    sent: Any = text if isinstance(pattern.pattern, str) else text.encode()
    start = time.process_time()
    pattern.match(sent)
    pattern.fullmatch(sent)
    for _ in pattern.finditer(sent):
        pass
    return time.process_time() - start


def slow(pattern: "re.Pattern[Any]", pump: Pump) -> bool:
    """Whether the best of some tries takes far longer than the text grows."""
    first = seconds(pattern, text(pump, FIRST))
    if first < FIRST_S:
        return False
    short = seconds(pattern, text(pump, SHORT))
    if short < ENOUGH_S or short < GROWS * first:
        return False
    long = float("inf")
    for _ in range(TRIES):
        short = min(short, seconds(pattern, text(pump, SHORT)))
        long = min(long, seconds(pattern, text(pump, LONG)))
        if long < LONG_S or long < GROWS * short:
            return False
    return long > RATIO * short


def slow_pumps(pattern: "re.Pattern[Any]") -> Iterator[Pump]:
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return (pump for pump in pumps(source) if slow(pattern, pump))


def test_every_pattern_is_linear() -> None:
    pumps = {name: next(slow_pumps(pattern), None) for name, pattern in patterns().items()}
    told = [
        f"{name} is slow on {pump[0]!r} and then {pump[1]!r} many times"
        for name, pump in pumps.items()
        if pump
    ]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("quadratic", [r"\\+u([0-9a-f]{4})", r"eyJ[\w-]{8,}\.", r"a\s*[:=]?\s*b"])
def test_what_is_not_linear_is_noticed(quadratic: str) -> None:
    assert next(slow_pumps(re.compile(quadratic)), None)


def test_all_patterns_are_tried() -> None:
    """Some that stand in a class, a container or a function."""
    sources = "\n".join(patterns())
    for part in ("final answer", "0-9a-fA-F]{4}", "eyJ", "://", "say(?:"):
        assert part in sources, part
