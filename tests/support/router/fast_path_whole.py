"""Whole Kafka batches and single records through the router's handler."""

import json
from collections.abc import Sequence
from uuid import UUID

from pointsman.bus.codec.encoded_batch import EncodedBatch, Made, unpacked
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.processing_delay import times_of
from pointsman.router.handlers import RouterHandler
from tests.support.router.fast_path import fast_handler
from tests.support.router.router_lanes import POLICY, REGISTRY, TOPICS

PLACE = (TOPICS.intake.name, 2)


def value(number: int, **more: object) -> bytes:
    return json.dumps({"agent_id": "data-analyst", "kind": "sql", "prompt": "p" * number, **more}).encode()


def id_of(number: int) -> bytes:
    return str(UUID(int=7 << 76 | 2 << 62 | number)).encode()


def known() -> RouterHandler:
    """A handler that has cached decisions for jobs like `value`."""
    lane = fast_handler(POLICY, REGISTRY)
    lane.handle_records([Incoming(*PLACE, offset, 0, None, value(offset), ()) for offset in range(1, 40)])
    return lane


def opened(batches: Sequence[RecordBatch]) -> list[Incoming]:
    return [record for batch in batches for record in batch.records()]


def assert_the_same(batches: Sequence[RecordBatch]) -> int:
    """Compares two lanes with the same history. Returns how many records took the fast path."""
    whole, apart = known().handle_batches(batches), known().handle_records(opened(batches))
    assert whole is not None
    assert _sorted(whole.made) == _sorted(apart)
    assert whole.times == times_of(opened(batches))
    return sum(item.count for item in whole.made if isinstance(item, EncodedBatch))


def _sorted(made: Sequence[Made]) -> list[Outgoing]:
    """Sorted, because neither batches nor partitions matter."""
    return sorted(
        unpacked(made), key=lambda record: (record.topic, record.key or b"", dict(record.headers)["ce_id"])
    )
