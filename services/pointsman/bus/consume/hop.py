"""Measures the time from a record's Kafka timestamp until its results are committed."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter

from pointsman.bus.codec.records import Incoming
from pointsman.runtime.metrics import HOP_SECONDS

_TIMESTAMP_MS = attrgetter("timestamp_ms")


#: The number of records by timestamp in milliseconds; many records share one.
Times = Mapping[int, int]


def times_of(records: Iterable[Incoming]) -> Times:
    """Count the records by timestamp."""
    return Counter(map(_TIMESTAMP_MS, records))


def observe_hop(topic: str, times: Times) -> None:
    """Observe the hop of each record of one topic."""
    now = time.time()
    hops: Counter[float] = Counter()
    for timestamp_ms, count in times.items():
        hops[max(0.0, now - timestamp_ms / 1000)] += count  # producers' clocks may be ahead of ours
    HOP_SECONDS.observe(topic, hops)
