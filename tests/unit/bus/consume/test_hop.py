"""The duration of each record's hop is measured, whatever its timestamp."""

from pointsman.bus.consume.hop import observe_hop
from pointsman.runtime.metrics import HOP_SECONDS

AHEAD_MS = 10_000_000_000_000


def test_records_from_clocks_in_the_future_count() -> None:
    observe_hop("ahead", {AHEAD_MS: 2, AHEAD_MS + 1: 3})
    (count,) = [
        sample.value
        for family in HOP_SECONDS.collect()
        for sample in family.samples
        if sample.name.endswith("_count") and sample.labels["topic"] == "ahead"
    ]
    assert count == 5
