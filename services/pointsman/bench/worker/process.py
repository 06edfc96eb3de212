"""A worker under measurement, as its own process with a limit of calls in flight."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsman.dev.ports import free_port
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.services.processes import Process, running
from pointsman.runtime.settings import KafkaPart

TIER, MODEL = "small", "gpt-4.1-nano"


@dataclass(frozen=True, slots=True)
class Under:
    """A worker's folder, broker, topic prefix, provider and limit of calls in flight."""

    folder: Path
    kafka: KafkaPart
    prefix: str
    provider_url: str
    limit: int


@contextmanager
def worker(under: Under, number: int = 1) -> Iterator[Process]:
    """Run a worker during the block, which begins when it is ready."""
    name = f"{under.prefix}-worker-{number}"
    environment = {
        **broker_at(under.kafka.kafka),
        "POINTSMAN_PREFIX": under.prefix,
        "POINTSMAN_PROVIDERS": str(_providers(under)),
        # Ending is not measured. A short session means short heartbeats, so a second worker joins sooner.
        "POINTSMAN_GRACE_S": "1",
        "POINTSMAN_SESSION_TIMEOUT_MS": "6000",
    }
    process = Process(name, ["run", "worker", "--tier", TIER], environment, under.folder / f"{name}.log")
    process.listen(free_port())
    with running(process):
        yield process


def peak_mb(process: Process) -> float:
    """Return the process's peak resident memory in MB. Linux only."""
    (peak_kb,) = re.findall(
        r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE
    )
    return int(peak_kb) * 1024 / 1e6


def _providers(under: Under) -> Path:
    """Write a providers file, as JSON, which is valid YAML."""
    path = under.folder / f"{under.prefix}-providers.yaml"
    row = {
        "name": "simulator", "base_url": f"{under.provider_url}/v1", "timeout_s": 120,
        "genai_prices_provider": "openai",
    }  # fmt: skip
    tier = {"provider": "simulator", "model": MODEL, "max_in_flight": under.limit}
    path.write_text(json.dumps({"providers": [row], "tiers": {TIER: tier}}))
    return path
