"""What `pointsman dev` can be told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DevOptions:
    """`data` is the folder for everything; ports are on the loopback."""

    data: Path
    fresh: bool
    once: bool
    samples: bool
    kafka_port: int
    postgres_port: int
    simulator_port: int
