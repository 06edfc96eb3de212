"""The simulated provider: a real HTTP server that speaks several wire formats and can inject faults."""

from pointsman.dev.simulator.app import build, run
from pointsman.dev.simulator.faults import FaultRule
from pointsman.dev.simulator.settings import SimulatorSettings

__all__ = ["FaultRule", "SimulatorSettings", "build", "run"]
