"""A Prometheus histogram that observes a batch of values with one lock and one lookup."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BatchHistogram(Collector):
    """A histogram with one label, exported as `prometheus_client` exports its own."""

    def __init__(self, name: str, documentation: str, label: str, buckets: Sequence[float]) -> None:
        self._name, self._documentation = name, documentation
        self._labelnames = (label,)  # the attribute's name in the library's own metrics
        self._bounds = tuple(buckets)
        self._names = [*map(floatToGoString, buckets), "+Inf"]
        self._lock = Lock()
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, label: str, values: Mapping[float, int]) -> None:
        """Count the values under `label`; `values` maps each value to the number of times it occurred."""
        bounds = self._bounds
        with self._lock:
            counts = self._counts.setdefault(label, [0] * len(self._names))
            total = 0.0
            for value, times in values.items():
                counts[bisect_left(bounds, value)] += times
                total += value * times
            self._sums[label] = self._sums.get(label, 0.0) + total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram. Buckets are cumulative, as the format requires."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        with self._lock:
            for label, counts in self._counts.items():
                below, buckets = 0, []
                for name, count in zip(self._names, counts, strict=True):
                    below += count
                    buckets.append((name, float(below)))
                family.add_metric([label], buckets, self._sums[label])
        yield family
