"""One span, as it is told to a collector: pure. Ids are those of the messages' `traceparent`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Value = str | bool | int | float | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpan:
    """`trace_id` has 32 and the ids of spans have 16 hexadecimal digits; `error` tells what went wrong."""

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
