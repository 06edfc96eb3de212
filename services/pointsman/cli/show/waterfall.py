"""A job's messages under one another, each with a bar on a common time scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pointsman.cli.formats import duration

WAITING, WORKING, MOMENT = "·", "━", "●"


@dataclass(frozen=True, slots=True)
class Step:
    """One message: what it says, where it lies, its time (`start` is `end` for a moment)."""

    start: datetime
    end: datetime
    word: str
    colour: str
    said: str
    lane: str
    payload: str = ""


def waterfall(steps: Sequence[Step], width: int) -> RenderableType:
    """Time since start, bar, what happened, lane; `width` is that of the screen, in cells.

    Dots lead from the end of what came before to the beginning of a step, a line is a call under way.
    """
    if not steps:
        return Text("no messages")
    ordered = sorted(steps, key=lambda step: step.start)
    begin = ordered[0].start
    scale = Scale(begin, max(step.end for step in ordered), cells=max(8, min(40, width // 6)))
    rows = _columns()
    rows.add_row("after", "", "what happened", "lane", style="dim")
    parts: list[RenderableType] = []
    before = begin
    for step in ordered:
        said = Text.assemble((step.word, f"bold {step.colour}"), f" {step.said}")
        bar = scale.bar(min(before, step.start), step.start, step.end)
        after = duration((step.start - begin).total_seconds())
        rows.add_row(after, Text(bar, step.colour), said, Text(step.lane, "dim"))
        before = max(before, step.end)
        if step.payload:
            parts += [rows, Padding(Text(step.payload, "dim"), (0, 0, 1, 4))]
            rows = _columns()
    return Group(*parts, rows) if rows.row_count else Group(*parts)


@dataclass(frozen=True, slots=True)
class Scale:
    """From a time to a cell of the bar."""

    begin: datetime
    end: datetime
    cells: int

    def at(self, time: datetime) -> int:
        """The cell, from 0, that `time` falls into."""
        if self.end <= self.begin:
            return 0
        return max(0, min(self.cells - 1, (time - self.begin) * self.cells // (self.end - self.begin)))

    def bar(self, before: datetime, start: datetime, end: datetime) -> str:
        """Blanks, dots while it waits, a line while it works or a mark for a moment; `cells` wide."""
        first, last = self.at(start), self.at(end)
        work = MOMENT if start == end else WORKING * (last - first + 1)
        waited = WAITING * (first - self.at(before))
        return (" " * self.at(before) + waited + work).ljust(self.cells)


def _columns() -> Table:
    rows = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(justify="right", no_wrap=True, min_width=7)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold", ratio=1)
    rows.add_column(no_wrap=True)
    return rows
