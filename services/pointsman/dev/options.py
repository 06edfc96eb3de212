"""The options of `pointsman dev`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DevOptions:
    """Options of `pointsman dev`. `data` is the folder for all data; all ports are on the loopback interface.

    `patience_s` limits the wait for the sample jobs. `separate` gives each service its own process, as
    `secure` always does.
    """

    data: Path
    fresh: bool
    once: bool
    samples: bool
    kafka_port: int
    postgres_port: int
    simulator_port: int
    patience_s: float = 120.0
    json: bool = False
    secure: bool = False
    separate: bool = False
