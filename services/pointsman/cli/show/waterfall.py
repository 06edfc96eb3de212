"""Draw a job's messages, each with a bar on a common time scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.cli.formats import duration

WAITING, WORKING, MOMENT = "·", "━", "●"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A message with its text, lane and time; `start` equals `end` for a moment."""

    start: datetime
    end: datetime
    word: str
    colour: str
    text: str
    lane: str


def waterfall(events: Sequence[TimelineEvent], width: int) -> RenderableType:
    """Draw the time since the start, a bar, a text and the lane; `width` is the screen's, in cells.

    Dots lead from the end of the previous event to the start of this one; a line is a call in progress.
    """
    if not events:
        return Text("no messages")
    ordered = sorted(events, key=lambda event: event.start)
    begin = ordered[0].start
    scale = Scale(begin, max(event.end for event in ordered), cells=max(8, min(40, width // 6)))
    rows = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(justify="right", no_wrap=True, min_width=7)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold", ratio=1)
    rows.add_column(no_wrap=True)
    rows.add_row("after", "", "what happened", "lane", style="dim")
    before = begin
    for event in ordered:
        text = Text.assemble((event.word, f"bold {event.colour}"), f" {event.text}")
        bar = scale.bar(min(before, event.start), event.start, event.end)
        after = duration((event.start - begin).total_seconds())
        rows.add_row(after, Text(bar, event.colour), text, Text(event.lane, "dim"))
        before = max(before, event.end)
    return rows


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a time to a cell of the bar."""

    begin: datetime
    end: datetime
    cells: int

    def at(self, time: datetime) -> int:
        """Return the cell, from 0, for `time`."""
        if self.end <= self.begin:
            return 0
        return max(0, min(self.cells - 1, (time - self.begin) * self.cells // (self.end - self.begin)))

    def bar(self, before: datetime, start: datetime, end: datetime) -> str:
        """Return a bar, `cells` wide: blanks, dots for waiting, a line for a call or a mark for a moment."""
        first, last = self.at(start), self.at(end)
        work = MOMENT if start == end else WORKING * (last - first + 1)
        waited = WAITING * (first - self.at(before))
        return (" " * self.at(before) + waited + work).ljust(self.cells)
