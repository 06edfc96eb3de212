"""A span to export. Pure. Its ids are those of the messages' `traceparent`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Value = str | bool | int | float | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpan:
    """A span. `trace_id` has 32 hexadecimal digits, span ids have 16; `error` says what failed, or None."""

    name: str
    kind: Literal["server", "client", "consumer"]
    trace_id: str
    span_id: str
    parent_id: str | None
    start: datetime
    end: datetime
    attributes: Mapping[str, Value] = field(default_factory=dict)
    error: str | None = None


#: Accepts or drops a span, without blocking.
SendSpan = Callable[[TraceSpan], None]
