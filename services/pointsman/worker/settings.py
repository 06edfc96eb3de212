"""The worker's settings."""

from pathlib import Path

from pydantic import Field

from pointsman.bus.settings import LanePart
from pointsman.claims.settings import ClaimsPart
from pointsman.registry.settings import RegistryPart
from pointsman.runtime.settings import HttpPart
from pointsman_schemas.base import TierName


class WorkerSettings(LanePart, HttpPart, ClaimsPart, RegistryPart):
    """One process serves one tier; any number of processes may."""

    tier: TierName
    providers: Path = Field(default=Path("providers.yaml"), description="the providers file")

    @property
    def group(self) -> str:
        """The consumer group of this tier's workers."""
        return f"{self.prefix}.worker.{self.tier}"
