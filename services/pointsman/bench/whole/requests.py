"""The requests that a broker received, by type, and its time on them, from its JMX metrics."""

import re
import subprocess
from dataclasses import dataclass

from pointsman.dev import jars
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.java import find_java

#: Contains JmxTool, Kafka's reader of a broker's metrics.
_TOOLS = jars.Jar(
    "org.apache.kafka", "kafka-tools", jars.KAFKA,
    "28142ee12baf9e7d46e4784c612aed7a8565e80462616b0ddfb4e2f8d7837e53", 667304,
)  # fmt: skip
_METRIC = re.compile(r"name=(RequestsPerSec|LocalTimeMs),request=(\w+)(?:,version=\d+)?:(Count|Mean)=(\S+)")
_OBJECTS = (
    "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*",
    "kafka.network:type=RequestMetrics,name=LocalTimeMs,request=*",
)


@dataclass(frozen=True, slots=True)
class RequestCost:
    """The count of one type of request, and the broker's own milliseconds on all of them."""

    count: float
    local_ms: float


Requests = dict[str, RequestCost]


def jmx(port: int) -> list[str]:
    """Return the JVM flags that expose a broker's metrics at `port` on the loopback interface."""
    flags = [f"port={port}", f"rmi.port={port}", "authenticate=false", "ssl=false", f"host={LOOPBACK}"]
    return [f"-Dcom.sun.management.jmxremote.{flag}" for flag in flags] + [
        f"-Djava.rmi.server.hostname={LOOPBACK}"
    ]


def class_path() -> str:
    """Return the class path of Kafka's tools. Downloads their jar the first time."""
    cache = jars.cache_folder() / f"kafka-{jars.KAFKA}"
    return ":".join(map(str, jars.fetch([*jars.read_lock(jars.LOCK_FILE.read_text()), _TOOLS], cache)))


def requests_of(class_path: str, jmx_port: int) -> Requests:
    """Return the requests since the broker's start, by type."""
    names = [argument for name in _OBJECTS for argument in ("--object-name", name)]
    url = f"service:jmx:rmi:///jndi/rmi://{LOOPBACK}:{jmx_port}/jmxrmi"
    command = [
        str(find_java()), "-Xmx512m", "-cp", class_path, "org.apache.kafka.tools.JmxTool",
        "--jmx-url", url, "--one-time", "--report-format", "properties", "--attributes", "Count,Mean", *names,
    ]  # fmt: skip
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    counts: dict[str, float] = {}
    means: dict[str, float] = {}
    for metric, request, attribute, value in _METRIC.findall(printed):
        if (metric, attribute) == ("RequestsPerSec", "Count"):
            counts[request] = counts.get(request, 0) + float(value)
        elif (metric, attribute) == ("LocalTimeMs", "Mean"):
            means[request] = float(value)
    return {request: RequestCost(count, count * means.get(request, 0)) for request, count in counts.items()}


def between(before: Requests, after: Requests) -> Requests:
    """Return the requests in between. Their time is estimated by the mean over the broker's whole life."""
    costs = {}
    for request, then in after.items():
        count = then.count - (before[request].count if request in before else 0)
        if count > 0:
            costs[request] = RequestCost(count, then.local_ms * count / then.count)
    return costs
