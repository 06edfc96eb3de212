"""Settings of the simulated provider."""

from collections.abc import Mapping

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from pointsman.dev.simulator.faults import FaultRule
from pointsman.dev.simulator.quotas import Quota
from pointsman.runtime.settings import HttpPart


class SimulatorSettings(HttpPart):
    """All optional: the defaults are a healthy provider with short, slightly varying latencies."""

    latency_ms: Mapping[str, NonNegativeFloat] = Field(
        default={}, description="median time to answer, by tier or model name"
    )
    jitter: NonNegativeFloat = Field(default=0.2, description="sigma of the latency's lognormal; 0 for none")
    keep: NonNegativeInt = Field(default=200, description="last requests kept for GET /_sim/requests")
    quotas: Mapping[str, Quota] = Field(default={}, description="its rate limits, by model")
    faults: tuple[FaultRule, ...] = Field(default=(), description="rules in force from the start")
