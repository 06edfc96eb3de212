"""A documentation page with commands and output: read, executed again, compared."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

#: Runs a shell command and returns its output.
Run = Callable[[str], Awaitable[str]]

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?| UTC)\b")


@dataclass(frozen=True)
class Told:
    """A command and its output on the page."""

    command: str
    output: str

    @property
    def shown(self) -> str:
        return f"$ {self.command}\n{self.output}"


def told(page: str) -> list[list[Told]]:
    """The commands of each `console` block."""
    return [_block(block) for block in _BLOCK.findall(page)]


def _block(block: str) -> list[Told]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Told(command, output) for command, _, output in (part.partition("\n") for part in parts)]


async def asked_again(page: str, run: Run) -> str:
    """The page with its commands' current output."""
    written = []
    for block in told(page):
        now = [Told(answer.command, await run(answer.command)) for answer in block]
        written.append("".join(answer.shown for answer in now))
    fresh = iter(written)
    return _BLOCK.sub(lambda _: f"```console\n{next(fresh)}```", page)


def stable(text: str) -> list[str]:
    """Lines without varying parts: ids, times, spaces between columns."""
    text = _TIME.sub("TIME", _ID.sub("ID", text))
    return [" ".join(line.split()) for line in text.splitlines()]
