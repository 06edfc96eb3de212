"""Output of `pointsman dev`: redrawn on a terminal, plain lines in a pipe, on stderr with `--json`."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.live import Live


class Narrator:
    """Writes messages for people. With `json`, stdout holds nothing but the one document."""

    def __init__(self, *, json: bool = False) -> None:
        self._json = json
        self._out = sys.stderr if json else sys.stdout
        self._console = _console(self._out)

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Print one or more lines. Long lines are left to the terminal to wrap, so they can be copied."""
        self._console.print(text, style=style, soft_wrap=True)

    def say_over(self, text: str) -> None:
        """Print a line over the `^C` that a terminal shows."""
        if self._console.is_terminal:
            self._out.write("\r")
        self.say(text)

    def show(self, drawn: RenderableType) -> None:
        """Print a table; in a pipe, without trailing blanks."""
        with self._console.capture() as captured:
            self._console.print(drawn)
        for line in captured.get().splitlines():
            self._out.write((line if self._console.is_terminal else line.rstrip()) + "\n")
        self._out.flush()

    @contextlib.contextmanager
    def redrawn(self) -> Iterator[Callable[[RenderableType], None]]:
        """Yield a function that replaces what it drew before. In a pipe only the last drawing is printed."""
        last: list[RenderableType] = []
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False) as live:
                yield lambda drawn: live.update(drawn, refresh=True)
            return
        yield lambda drawn: last.__setitem__(slice(None), [drawn])
        for drawn in last:
            self.show(drawn)

    def document(self, value: Any) -> None:
        """Print the JSON document, if `json` is set."""
        if self._json:
            sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")
            sys.stdout.flush()

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        _console(sys.stderr).print(text, style="yellow", soft_wrap=True)

    def complain(self, error: Exception, hint: str = "") -> None:
        """Print the error and its hint on stderr; `hint` is used if the error has none."""
        errors = _console(sys.stderr)
        errors.print(f"error: {error}", style="red", soft_wrap=True)
        if hint := getattr(error, "hint", "") or hint:
            errors.print(f" hint: {hint}", soft_wrap=True)


def _console(stream: Any) -> Console:
    wide = None if stream.isatty() else 100_000  # nothing is cut or wrapped in a pipe
    return Console(file=stream, width=wide, highlight=False, markup=False, emoji=False)
