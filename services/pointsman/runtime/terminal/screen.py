"""Output: colour and width for a terminal, plain lines for a pipe, JSON for a program."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import ProgressColumn

T = TypeVar("T")

#: The width of a pipe, so that nothing is cut or wrapped.
UNBOUNDED = 100_000
#: A server that has not answered after this time is named, in seconds.
_SLOW_S = 1.0


def on_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def console(stream: TextIO | None = None) -> "Console":
    """Return a console on `stream`, by default stdout, that does not interpret markup in text."""
    from rich.console import Console

    terminal = (stream or sys.stdout).isatty()
    width = None if terminal else UNBOUNDED
    return Console(
        file=stream, force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False
    )


def show(*renderables: "RenderableType", stream: TextIO | None = None) -> None:
    """Print to `stream`, by default stdout; in a pipe without colour and without trailing blanks."""
    screen = console(stream)
    if screen.is_terminal:
        screen.print(*renderables, sep="\n")
        return
    with screen.capture() as captured:
        screen.print(*renderables, sep="\n")
    for line in captured.get().splitlines():
        screen.file.write(line.rstrip() + "\n")
    screen.file.flush()


@contextmanager
def redrawn(stream: TextIO | None = None) -> Iterator[Callable[["RenderableType"], None]]:
    """Yield a function that replaces what it drew before. In a pipe only the last drawing is printed."""
    screen = console(stream)
    if screen.is_terminal:
        from rich.live import Live

        with Live(console=screen, auto_refresh=False) as live:
            yield partial(live.update, refresh=True)
        return
    last: list[RenderableType] = []
    yield lambda drawn: last.__setitem__(slice(None), [drawn])
    if last:
        show(*last, stream=stream)


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
    with redrawn() if watch and not as_json and on_terminal() else nullcontext(show) as show_drawn:
        while True:
            if as_json:
                print_json(value, stream=watch)
            else:
                show_drawn(draw(value))
            if not watch:
                return
            await asyncio.sleep(1)
            value = await look()


@contextmanager
def progress(total: int, word: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that advances a bar on stderr. The bar is hidden if stdout is a terminal."""
    with bar(word, total, visible=not on_terminal() and total > 1) as update:
        yield lambda more: update(advance=more)


@contextmanager
def stepped(word: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Yield functions that set the total of a bar on stderr and advance it. No terminal, no bar."""
    with bar(word, None) as update:
        yield (lambda total: update(total=total)), (lambda more: update(advance=more))


@contextmanager
def bar(
    word: str, total: float | None, *columns: "ProgressColumn", visible: bool = True
) -> Iterator[Callable[..., None]]:
    """Yield rich's `Progress.update` for a bar on stderr. No terminal, no bar.

    Without `columns` it shows the bar, the count, `word` and the time left.
    """
    if not (visible and sys.stderr.isatty()):
        yield lambda **_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = columns or (BarColumn(), MofNCompleteColumn(), TextColumn(word), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        yield partial(shown.update, shown.add_task(word, total=total))


def line(text: str) -> None:
    """Print a line to stdout and flush it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a line to stderr: information for a person, not for a pipe."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def report(
    value: Any,
    *drawn: "RenderableType",
    notes: Iterable[str] = (),
    as_json: bool,
    stream: bool = False,
) -> None:
    """Print `value` as JSON, in one line with `stream`, or what is `drawn` of it, and `notes` on stderr.

    Strings are printed as lines without wrapping.
    """
    if as_json:
        print_json(value, stream=stream)
        return
    for part in drawn:
        line(part) if isinstance(part, str) else show(part)
    for text in notes:
        note(text)


def print_json(value: Any, *, stream: bool = False) -> None:
    """Print `value` as a JSON document: indented on a terminal, one line in a stream or a pipe."""
    indent = 2 if on_terminal() and not stream else None
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:  # NaN and infinities become strings, as in Postgres
        finite = json.loads(json.dumps(value, default=_plain), parse_constant=str)
        text = json.dumps(finite, ensure_ascii=False, indent=indent)
    line(text)


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
