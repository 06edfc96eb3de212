"""One worker under measurement: a process of its own, with a limit of calls in flight."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psutil

from pointsman.bench.system import busy_s
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.services.processes import Process, stop, wait_ready
from pointsman.runtime.settings import KafkaPart

MODEL = "gpt-4.1-nano"
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Under:
    """Where a worker works, what for, and how many calls at once."""

    folder: Path
    kafka: KafkaPart
    prefix: str
    provider_url: str
    limit: int
    tier: str = "small"


@dataclass
class WatchedProcess:
    """A process and the most resident memory that it was seen to have, bytes."""

    process: Process
    peak_rss: int = 0
    _ended: Event = field(default_factory=Event)

    @property
    def busy_s(self) -> float:
        """Processor seconds since it began."""
        return busy_s(self.process.pid)

    def watch(self) -> None:
        """Look every tenth of a second until told to stop."""
        seen = psutil.Process(self.process.pid)
        while not self._ended.wait(_LOOK_S):
            try:
                self.peak_rss = max(self.peak_rss, seen.memory_info().rss)
            except psutil.Error:
                return

    def stop(self) -> None:
        """End it, and the looking."""
        self._ended.set()
        stop([self.process])


@contextmanager
def worker(under: Under, number: int = 1) -> Iterator[WatchedProcess]:
    """Started and ready; ended afterwards."""
    name = f"{under.prefix}-worker-{number}"
    process = Process(name, ["run", "worker", "--tier", under.tier], {}, under.folder / f"{name}.log", "")
    port = free_port()
    process.url = f"http://{LOOPBACK}:{port}"
    process.environment = {
        **broker_at(under.kafka.kafka),
        "POINTSMAN_PREFIX": under.prefix,
        "POINTSMAN_PROVIDERS": str(_providers(under)),
        # How it ends is not measured; a second worker is noticed at the next heartbeat, which this shortens.
        "POINTSMAN_GRACE_S": "1",
        "POINTSMAN_SESSION_TIMEOUT_MS": "6000",
        "POINTSMAN_HTTP_PORT": str(port),
    }
    process.start()
    watched = WatchedProcess(process)
    looking = Thread(target=watched.watch, daemon=True)
    looking.start()
    try:
        wait_ready([process])
        yield watched
    finally:
        watched.stop()
        looking.join()


def _providers(under: Under) -> Path:
    """JSON is YAML."""
    path = under.folder / f"{under.prefix}-providers.yaml"
    row = {
        "name": "simulator", "base_url": f"{under.provider_url}/v1", "timeout_s": 120,
        "genai_prices_provider": "openai",
    }  # fmt: skip
    tier = {"provider": "simulator", "model": MODEL, "max_in_flight": under.limit}
    path.write_text(json.dumps({"providers": [row], "tiers": {under.tier: tier}}))
    return path
