"""How long records took from their Kafka timestamp until what follows from them was committed."""

import time
from collections.abc import Iterable

from pointsman.bus.records import Incoming
from pointsman.runtime.metrics import HOP_SECONDS


def observe_hop(records: Iterable[Incoming]) -> None:
    """Count each record's hop in the histogram of its topic."""
    now = time.time()
    for record in records:
        HOP_SECONDS.labels(record.topic).observe(max(0.0, now - record.timestamp_ms / 1000))
