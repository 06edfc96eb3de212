"""Measures the time from a record's Kafka timestamp until its results are committed."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter

from pointsman.bus.codec.records import Incoming
from pointsman.runtime.metrics import HOP_SECONDS

_TIMESTAMP_MS = attrgetter("timestamp_ms")


#: The number of records by timestamp, milliseconds; many may have the same.
Times = Mapping[int, int]


def times_of(records: Iterable[Incoming]) -> Times:
    """The records' timestamps, counted."""
    return Counter(map(_TIMESTAMP_MS, records))


def observe_processing_delay(topic: str, times: Times) -> None:
    """Count the delay of each record of one topic, which is committed now."""
    now = time.time()
    delays: Counter[float] = Counter()
    for timestamp_ms, count in times.items():
        delays[max(0.0, now - timestamp_ms / 1000)] += count  # other clocks may be ahead of ours
    HOP_SECONDS.observe(topic, delays)
