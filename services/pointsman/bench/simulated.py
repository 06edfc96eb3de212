"""What a measurement tells the simulated provider while it runs, and asks it."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.services.processes import Process, running
from pointsman.runtime.loopback import proxies_for


class Simulated:
    """The provider at `url`, by its own side door. All raise OSError when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url = url

    def order(self, *rules: dict[str, Any]) -> None:
        """These faults and no others from now on."""
        self._ask("faults", "DELETE")
        if rules:
            self._ask("faults", "POST", json.dumps(rules).encode())

    def stats(self) -> dict[str, Any]:
        """What it has counted since it began or was last told to forget."""
        counted: dict[str, Any] = json.loads(self._ask("stats", "GET"))
        return counted

    def forget(self) -> None:
        """Count from zero, but for what is in flight."""
        self._ask("stats", "DELETE")

    def _ask(self, part: str, method: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            f"{self.url}/_sim/{part}", body, {"content-type": "application/json"}, method=method
        )
        with urllib.request.build_opener(proxies_for(self.url)).open(request, timeout=10) as answer:
            return bytes(answer.read())


@contextmanager
def simulated(folder: Path) -> Iterator[Simulated]:
    """A provider of its own, in its own process, that answers at once until it is told otherwise."""
    port = free_port()
    process = Process(
        "simulator",
        ["run", "simulator", "--port", str(port), "--latency", "small=0", "--latency", "medium=0",
         "--latency", "frontier=0", "--jitter", "0", "--keep", "0"],
        {},
        folder / "simulator.log",
        f"http://{LOOPBACK}:{port}",
        health="/_sim/stats",
    )  # fmt: skip
    with running(process):
        yield Simulated(process.url)
