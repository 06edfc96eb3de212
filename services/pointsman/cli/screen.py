"""Output: colour and width for a terminal, plain lines for a pipe, JSON for a program."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

T = TypeVar("T")

#: The width of a pipe, so that nothing is cut or wrapped.
UNBOUNDED = 100_000
#: A server that has not answered after this time is named, in seconds.
_SLOW_S = 1.0


def on_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def console() -> "Console":
    """Return a console on stdout that does not interpret markup in text."""
    from rich.console import Console

    terminal = on_terminal()
    width = None if terminal else UNBOUNDED
    return Console(force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False)


def show(*renderables: "RenderableType") -> None:
    """Print to stdout; in a pipe without colour and without trailing blanks."""
    screen = console()
    if on_terminal():
        screen.print(*renderables, sep="\n")
        return
    with screen.capture() as captured:
        screen.print(*renderables, sep="\n")
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


async def keep_showing(
    look: Callable[[], Awaitable[T]],
    draw: "Callable[[T], RenderableType]",
    *,
    as_json: bool,
    watch: bool,
    server: str,
) -> None:
    """Show the result of `look` as JSON or drawn. With `watch`, refresh it every second until Ctrl-C.

    `server` is named on stderr if the first result takes longer than a second.
    """
    slow = asyncio.get_running_loop().call_later(_SLOW_S, note, f"waiting for {server}")
    try:
        value = await look()
    finally:
        slow.cancel()
    if not watch or as_json or not on_terminal():
        while True:
            if as_json:
                print_json(value, stream=watch)
            else:
                show(draw(value))
            if not watch:
                return
            await asyncio.sleep(1)
            value = await look()
    from rich.live import Live

    with Live(console=console(), auto_refresh=False, transient=False) as live:
        while True:
            live.update(draw(value), refresh=True)
            await asyncio.sleep(1)
            value = await look()


@contextmanager
def progress(total: int, word: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that advances a bar on stderr. The bar is hidden if stdout is a terminal."""
    with _bar(word, total, visible=not on_terminal() and total > 1) as (_, advance):
        yield advance


@contextmanager
def stepped(word: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Yield functions that set the total of a bar on stderr and advance it. No terminal, no bar."""
    with _bar(word, None, visible=True) as moves:
        yield moves


@contextmanager
def _bar(
    word: str, total: int | None, *, visible: bool
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    if not (visible and sys.stderr.isatty()):
        yield (lambda _: None), (lambda _: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(word), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        task = shown.add_task(word, total=total)
        yield (lambda total: shown.update(task, total=total)), (lambda more: shown.advance(task, more))


def line(text: str) -> None:
    """Print a line to stdout and flush it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a line to stderr: information for a person, not for a pipe."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def report(value: Any, *drawn: "RenderableType", as_json: bool) -> None:
    """Print `value` as JSON, or what is `drawn` of it. Strings are printed as lines without wrapping."""
    if as_json:
        print_json(value)
    for part in () if as_json else drawn:
        line(part) if isinstance(part, str) else show(part)


def print_json(value: Any, *, stream: bool = False) -> None:
    """Print `value` as a JSON document: indented on a terminal, one line in a stream or a pipe."""
    indent = 2 if on_terminal() and not stream else None
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:  # it contains NaN or an infinity
        text = json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False)
    line(text)


def _finite(value: Any) -> Any:
    """Convert `value` to JSON types; NaN and infinities become strings, as in Postgres."""
    match value:
        case float() if not isfinite(value):
            return str(Decimal(value))
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return _finite(_plain(value))


def _plain(value: Any) -> Any:
    """Convert a value that JSON lacks: messages as on the wire, times in RFC 3339, bytes as text."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    match value:
        case datetime(tzinfo=None):  # Postgres' timestamp without a zone
            return value.isoformat(timespec="microseconds")
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case _:
            return str(value)
