"""Output of `pointsman dev`: redrawn on a terminal, plain lines in a pipe, on stderr with `--json`."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson
from rich.console import RenderableType

from pointsman.runtime.terminal import screen


class Narrator:
    """Writes messages for people. With `json`, stdout holds nothing but the one document."""

    def __init__(self, *, json: bool = False) -> None:
        self._json = json
        self._out = sys.stderr if json else sys.stdout
        self._console = screen.console(self._out)

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
        screen.show(drawn, stream=self._out)

    def redrawn(self) -> AbstractContextManager[Callable[[RenderableType], None]]:
        """Yield a function that replaces what it drew before. In a pipe only the last drawing is printed."""
        return screen.redrawn(self._out)

    def document(self, value: Any) -> None:
        """Print the JSON document, if `json` is set."""
        if self._json:
            screen.line(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        screen.console(sys.stderr).print(text, style="yellow", soft_wrap=True)

    def complain(self, error: Exception, hint: str = "") -> None:
        """Print the error and its hint on stderr; `hint` is used if the error has none."""
        errors = screen.console(sys.stderr)
        errors.print(f"error: {error}", style="red", soft_wrap=True)
        if hint := getattr(error, "hint", "") or hint:
            errors.print(f" hint: {hint}", soft_wrap=True)
