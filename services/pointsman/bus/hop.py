"""How long records took from their Kafka timestamp until what follows from them was committed."""

import time
from collections.abc import Iterable

from pointsman.bus.records import Incoming
from pointsman.runtime.metrics import HOP_SECONDS


def observe_hop(topic: str, records: Iterable[Incoming]) -> None:
    """Count the hop of each of these records of one topic."""
    now = time.time()
    HOP_SECONDS.observe(topic, [max(0.0, now - record.timestamp_ms / 1000) for record in records])
