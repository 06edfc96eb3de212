"""The gateway's settings."""

from typing import Annotated

from pydantic import Field

from pointsman.bus.settings import LanePart
from pointsman.claims.settings import ClaimsPart
from pointsman.registry.settings import RegistryPart
from pointsman.runtime.settings import EMPTY_IS_NONE, HttpPart, OptionalFile
from pointsman_schemas.base import AgentId


class GatewaySettings(LanePart, HttpPart, ClaimsPart, RegistryPart):
    """Kafka, HTTP, the store of large values, who may change the registry, and how requests are taken."""

    gateway_key_file: OptionalFile = Field(
        default=None, description="private key that signs for agents with API keys"
    )
    gateway_agent: Annotated[AgentId | None, EMPTY_IS_NONE] = Field(
        default=None,
        description="for a first try without signatures: the agent of requests with any key",
    )
    gateway_webhooks: OptionalFile = Field(
        default=None,
        description="the webhooks file: where agents are notified of background answers",
    )
    gateway_max_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="most bytes of a request's body"
    )
    gateway_deadline_s: float = Field(
        default=600, ge=1, le=86_400, description="a job's deadline if the request has none"
    )
    gateway_cancel: bool = Field(
        default=True, description="cancel a job when its last client has disconnected"
    )
    postgres: str = Field(
        default="", repr=False, description="the audit database, for jobs of other gateways"
    )
    gateway_open_requests: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="most requests that wait at a time, of all agents together",
    )

    @property
    def group(self) -> str:
        """The consumer group that assigns the partitions of outcomes to the gateway's processes."""
        return f"{self.prefix}.gateway"
