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
        default=None, description="the private key that it signs with for agents that have API keys"
    )
    gateway_agent: Annotated[AgentId | None, EMPTY_IS_NONE] = Field(
        default=None,
        description="for a first try, where agents need not sign: requests with any key are this agent's",
    )
    gateway_webhooks: OptionalFile = Field(
        default=None,
        description="the file that says where agents are told of answers in the background",
    )
    gateway_max_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="of a request's body"
    )
    gateway_deadline_s: float = Field(
        default=600, ge=1, le=86_400, description="a job's deadline where the request names none"
    )
    gateway_cancel: bool = Field(
        default=True, description="a job is cancelled when nobody waits for its answer any more"
    )
    postgres: str = Field(
        default="", repr=False, description="the audit database: what other processes did is looked up there"
    )
    gateway_open_requests: int = Field(
        default=10_000, ge=1, le=1_000_000, description="requests that wait at a time, all agents together"
    )

    @property
    def group(self) -> str:
        """The consumer group that assigns the partitions of outcomes to the gateway's processes."""
        return f"{self.prefix}.gateway"
