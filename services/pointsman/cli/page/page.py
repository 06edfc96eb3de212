"""A page about one job, independent of Markdown and HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns, with values as the database returns them."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Text:
    """A long text, as it was sent or received."""

    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """A stage of the job; `start` and `length` are in seconds, from its first message."""

    label: str
    start: float
    length: float
    kind: Literal["wait", "good", "bad"] = "wait"


@dataclass(frozen=True, slots=True)
class Section:
    """A question and its answer. `lead` sums it up in a sentence."""

    title: str
    lead: str = ""
    table: Table | None = None
    texts: tuple[Text, ...] = ()
    bars: tuple[TimelineBar, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`verdict` says in a sentence how the job ended; `facts` are labels with values."""

    title: str
    state: str
    verdict: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default=())
    footer: str = ""
