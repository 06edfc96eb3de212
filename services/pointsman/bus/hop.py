"""How long records took from their Kafka timestamp until what follows from them was committed."""

import time
from collections import Counter
from collections.abc import Iterable
from operator import attrgetter

from pointsman.bus.records import Incoming
from pointsman.runtime.metrics import HOP_SECONDS

_TIMESTAMP_MS = attrgetter("timestamp_ms")


def observe_hop(topic: str, records: Iterable[Incoming]) -> None:
    """Count the hop of each of these records of one topic."""
    now = time.time()
    together = Counter(map(_TIMESTAMP_MS, records))  # many were published within one millisecond
    HOP_SECONDS.observe(topic, {max(0.0, now - each / 1000): count for each, count in together.items()})
