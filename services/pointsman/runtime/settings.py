"""Settings parts that several services have in common, read from the environment when built."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pointsman_schemas.topics import DEFAULT_PREFIX, Topics


class Part(BaseSettings):
    """A frozen settings class: `POINTSMAN_<FIELD>` from the environment, unknown names ignored."""

    model_config = SettingsConfigDict(env_prefix="POINTSMAN_", frozen=True, extra="ignore")


class KafkaPart(Part):
    """Where the bus is."""

    kafka: str = Field(default="127.0.0.1:19092", description="bootstrap servers, comma separated")
    prefix: str = Field(default=DEFAULT_PREFIX, description="first part of every topic, group and id")

    @property
    def topics(self) -> Topics:
        """The topics of this installation."""
        return Topics(self.prefix)


class HttpPart(Part):
    """Where a service serves `/healthz`, `/readyz` and `/metrics`."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="0 takes a free port, printed at start")
