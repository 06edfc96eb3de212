"""The router's settings."""

from pathlib import Path

from pydantic import Field

from pointsman.bus.settings import LanePart
from pointsman.claims.settings import ClaimsPart
from pointsman.registry.settings import RegistryPart
from pointsman.runtime.settings import HttpPart


class RouterSettings(LanePart, HttpPart, ClaimsPart, RegistryPart):
    """Kafka, HTTP and the policy's file."""

    policy: Path = Field(default=Path("policy.yaml"), description="tiers, rules and limits")
    remembered_jobs: int = Field(
        default=10_000, ge=1, description="job ids per lane by which a second record of a job is recognised"
    )

    native: bool = Field(default=True, description="use the compiled fast path if it is installed")

    @property
    def opinion_group(self) -> str:
        """The consumer group of the second opinion's processes."""
        return f"{self.prefix}.opinion"
