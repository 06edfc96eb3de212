"""The processing delay of each record is measured, whatever its timestamp."""

from pointsman.bus.consume.processing_delay import observe_processing_delay
from pointsman.runtime.metrics import HOP_SECONDS

AHEAD_MS = 10_000_000_000_000


def test_records_from_clocks_in_the_future_count() -> None:
    observe_processing_delay("ahead", {AHEAD_MS: 2, AHEAD_MS + 1: 3})
    (count,) = [
        sample.value
        for family in HOP_SECONDS.collect()
        for sample in family.samples
        if sample.name.endswith("_count") and sample.labels["topic"] == "ahead"
    ]
    assert count == 5
