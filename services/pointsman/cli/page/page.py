"""A page about one job, before it is written as Markdown or HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; values as the database has them."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Text:
    """A longer text, as it was sent or answered."""

    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """A stretch of the job's time; `start` and `length` are seconds from its first message on."""

    label: str
    start: float
    length: float
    kind: Literal["wait", "good", "bad"] = "wait"


@dataclass(frozen=True, slots=True)
class Section:
    """A question and its answer. `lead` is a sentence that says it all, if there is one."""

    title: str
    lead: str = ""
    table: Table | None = None
    texts: tuple[Text, ...] = ()
    bars: tuple[TimelineBar, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`verdict`: how the job ended, in a sentence. `facts`: label and value."""

    title: str
    state: str
    verdict: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default=())
    footer: str = ""
