"""The batch histogram exports the same values as prometheus-client's own."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from pointsman.runtime.batch_histogram import BatchHistogram

BUCKETS = (0.25, 0.5, 1, 2.5)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from([0, 0.25, 0.75, 1, 2.5, 99]), min_size=1))
    )
)
def test_it_exports_what_the_ordinary_one_does(batches: list[tuple[str, list[float]]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batched = BatchHistogram("hop_seconds", "A hop", "topic", BUCKETS)
    ours.register(batched)
    ordinary = Histogram("hop_seconds", "A hop", ["topic"], buckets=BUCKETS, registry=theirs)
    for label, values in batches:
        batched.observe(label, Counter(values))
        for value in values:
            ordinary.labels(label).observe(value)
    assert lines(ours) == lines(theirs)


def lines(registry: CollectorRegistry) -> list[str]:
    """The samples, without creation times."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
