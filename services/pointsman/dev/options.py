"""What `pointsman dev` can be told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DevOptions:
    """`data` is the folder for everything; ports are on the loopback; `patience_s` is for the sample jobs.

    `separate`: a process for each service, as there always is where it is `secure`.
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
