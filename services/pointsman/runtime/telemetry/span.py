"""One span as it is exported: pure. Ids are those of the messages' `traceparent`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Value = str | bool | int | float | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpan:
    """`trace_id` has 32, span ids have 16 hexadecimal digits; `error`: what went wrong, if anything."""

    name: str
    kind: Literal["server", "client", "consumer"]
    trace_id: str
    span_id: str
    parent_id: str | None
    start: datetime
    end: datetime
    attributes: Mapping[str, Value] = field(default_factory=dict)
    error: str | None = None


#: Takes a span, or drops it; never waits.
SendSpan = Callable[[TraceSpan], None]
