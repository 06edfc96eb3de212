"""The review service's settings."""

from pointsman.bus.settings import LanePart
from pointsman.claims.settings import ClaimsPart
from pointsman.registry.settings import RegistryPart
from pointsman.runtime.settings import HttpPart


class ReviewSettings(LanePart, HttpPart, ClaimsPart, RegistryPart):
    """Kafka, HTTP, the store of large values, and who may change the registry."""

    @property
    def group(self) -> str:
        """The service's consumer group."""
        return f"{self.prefix}.review"
