"""What a broker was asked, by type, and how long it worked on it: its own metrics, by JMX."""

import re
from dataclasses import dataclass

from pointsman.bench.kafka_tools import KafkaTools
from pointsman.dev.ports import LOOPBACK

_REQUEST = re.compile(r"name=(RequestsPerSec|LocalTimeMs),request=(\w+)(?:,version=\d+)?:(Count|Mean)$")
_OBJECTS = (
    "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*",
    "kafka.network:type=RequestMetrics,name=LocalTimeMs,request=*",
)


@dataclass(frozen=True, slots=True)
class RequestCost:
    """Of one type of request: how many, and the broker's own milliseconds on all of them."""

    count: float
    local_ms: float


def jmx(port: int) -> list[str]:
    """What a broker's JVM is told so that it shows its metrics at that port, on the loopback alone."""
    flags = [f"port={port}", f"rmi.port={port}", "authenticate=false", "ssl=false", f"host={LOOPBACK}"]
    return [f"-Dcom.sun.management.jmxremote.{flag}" for flag in flags] + [
        f"-Djava.rmi.server.hostname={LOOPBACK}"
    ]


def requests_of(tools: KafkaTools, jmx_port: int) -> dict[str, RequestCost]:
    """Since the broker began, by type."""
    counts: dict[str, float] = {}
    means: dict[str, float] = {}
    for name, value in tools.metrics(jmx_port, _OBJECTS).items():
        if match := _REQUEST.search(name):
            metric, request, attribute = match.groups()
            if metric == "RequestsPerSec" and attribute == "Count":
                counts[request] = counts.get(request, 0) + value
            elif metric == "LocalTimeMs" and attribute == "Mean":
                means[request] = value
    return {request: RequestCost(count, count * means.get(request, 0)) for request, count in counts.items()}


def between(before: dict[str, RequestCost], after: dict[str, RequestCost]) -> dict[str, RequestCost]:
    """What came in the meantime; of the time, by the mean of all since the beginning."""
    costs = {}
    for request, then in after.items():
        count = then.count - (before[request].count if request in before else 0)
        if count > 0:
            costs[request] = RequestCost(count, then.local_ms * count / then.count)
    return costs
