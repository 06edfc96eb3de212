"""The simulated provider: a real HTTP server that speaks several wire formats, with faults to order."""

from pointsman.dev.simulator.app import build, run
from pointsman.dev.simulator.faults import FaultRule
from pointsman.dev.simulator.settings import SimulatorSettings

__all__ = ["FaultRule", "SimulatorSettings", "build", "run"]
