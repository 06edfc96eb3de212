"""Kafka's own reader of a broker's metrics."""

import subprocess
from collections.abc import Sequence

from pointsman.dev import jars
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.java import find_java

_TOOLS = jars.Jar(
    "org.apache.kafka", "kafka-tools", jars.KAFKA,
    "28142ee12baf9e7d46e4784c612aed7a8565e80462616b0ddfb4e2f8d7837e53", 667304,
)  # fmt: skip
_PACKAGE = "org.apache.kafka.tools."


class KafkaTools:
    """The tools, ready to run; fetches their jar on first use."""

    def __init__(self) -> None:
        cache = jars.cache_folder() / f"kafka-{jars.KAFKA}"
        paths = jars.fetch([*jars.read_lock(jars.LOCK_FILE.read_text()), _TOOLS], cache)
        self._java = [str(find_java().path), "-Xmx512m", "-cp", ":".join(map(str, paths))]

    def metrics(self, jmx_port: int, objects: Sequence[str]) -> dict[str, float]:
        """Count and mean of these metrics of a broker (patterns allowed), by object and attribute."""
        asked = [argument for name in objects for argument in ("--object-name", name)]
        printed = self._run(
            "JmxTool", "--jmx-url", f"service:jmx:rmi:///jndi/rmi://{LOOPBACK}:{jmx_port}/jmxrmi",
            "--one-time", "--report-format", "properties", "--attributes", "Count,Mean", *asked,
        )  # fmt: skip
        lines = [
            line.rpartition("=") for line in printed.splitlines() if ":Count=" in line or ":Mean=" in line
        ]
        return {name: float(value) for name, _, value in lines}

    def _run(self, tool: str, *arguments: str) -> str:
        command: Sequence[str] = [*self._java, _PACKAGE + tool, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
