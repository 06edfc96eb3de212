"""One worker under measurement: a process of its own, with a limit of calls in flight."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.services.processes import Process, running
from pointsman.runtime.settings import KafkaPart

TIER, MODEL = "small", "gpt-4.1-nano"


@dataclass(frozen=True, slots=True)
class Under:
    """Where a worker works, what for, and how many calls at once."""

    folder: Path
    kafka: KafkaPart
    prefix: str
    provider_url: str
    limit: int


@contextmanager
def worker(under: Under, number: int = 1) -> Iterator[Process]:
    """Started and ready; ended afterwards."""
    name = f"{under.prefix}-worker-{number}"
    process = Process(name, ["run", "worker", "--tier", TIER], {}, under.folder / f"{name}.log", "")
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
    with running(process):
        yield process


def peak_mb(process: Process) -> float:
    """The most resident memory that it has had; Linux alone says so."""
    (peak_kb,) = re.findall(
        r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE
    )
    return int(peak_kb) * 1024 / 1e6


def _providers(under: Under) -> Path:
    """JSON is YAML."""
    path = under.folder / f"{under.prefix}-providers.yaml"
    row = {
        "name": "simulator", "base_url": f"{under.provider_url}/v1", "timeout_s": 120,
        "genai_prices_provider": "openai",
    }  # fmt: skip
    tier = {"provider": "simulator", "model": MODEL, "max_in_flight": under.limit}
    path.write_text(json.dumps({"providers": [row], "tiers": {TIER: tier}}))
    return path
