"""A Prometheus histogram that observes a batch at once: one lock and lookup for all its values."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BatchHistogram(Collector):
    """Counts values by upper bound, for each value of one label; exported as `prometheus_client` does."""

    def __init__(self, name: str, documentation: str, label: str, buckets: Sequence[float]) -> None:
        self._name, self._documentation = name, documentation
        self._labelnames = (label,)  # under the name that the library's own metrics have it
        self._bounds = tuple(buckets)
        self._names = [*map(floatToGoString, buckets), "+Inf"]
        self._lock = Lock()
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, label: str, values: Mapping[float, int]) -> None:
        """Count each of `values` so many times under `label`."""
        bounds = self._bounds
        with self._lock:
            counts = self._counts.setdefault(label, [0] * len(self._names))
            total = 0.0
            for value, times in values.items():
                counts[bisect_left(bounds, value)] += times
                total += value * times
            self._sums[label] = self._sums.get(label, 0.0) + total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What was counted so far; buckets hold all that is below them, as the format wants."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        with self._lock:
            for label, counts in self._counts.items():
                below, buckets = 0, []
                for name, count in zip(self._names, counts, strict=True):
                    below += count
                    buckets.append((name, float(below)))
                family.add_metric([label], buckets, self._sums[label])
        yield family
