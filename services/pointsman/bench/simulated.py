"""Control the simulated provider during a measurement, and read its counters."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.bench.system import answering_after
from pointsman.dev.ports import free_port
from pointsman.dev.services.fleet import simulator
from pointsman.dev.services.processes import running
from pointsman.runtime.loopback import proxies_for


class Simulated:
    """The control endpoints of the provider at `url`. All methods raise OSError if it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url

    def order(self, *rules: dict[str, Any]) -> None:
        """Replace all fault rules by these."""
        self._ask("faults", "DELETE")
        if rules:
            self._ask("faults", "POST", json.dumps(rules).encode())

    def stats(self) -> dict[str, Any]:
        """Return the counters since the start or the last `forget`."""
        counted: dict[str, Any] = json.loads(self._ask("stats", "GET"))
        return counted

    def forget(self) -> None:
        """Set the counters to zero, except that of calls in flight."""
        self._ask("stats", "DELETE")

    def _ask(self, part: str, method: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            f"{self.url}/_sim/{part}", body, {"content-type": "application/json"}, method=method
        )
        with urllib.request.build_opener(proxies_for(self.url)).open(request, timeout=10) as answer:
            return bytes(answer.read())


@contextmanager
def simulated(folder: Path) -> Iterator[Simulated]:
    """Run a separate provider process during the block. It answers at once, until `order` says otherwise."""
    process = simulator(free_port(), {**answering_after(0), "POINTSMAN_KEEP": "0"}, folder)
    with running(process):
        yield Simulated(process.url)
