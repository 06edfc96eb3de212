"""A lane's timings with Kafka, which decide how soon a dead owner is replaced."""

from pydantic import Field

from pointsman.runtime.settings import KafkaPart


class LanePart(KafkaPart):
    """Timings of consumers and transactions, in milliseconds."""

    session_timeout_ms: int = Field(
        default=45_000, ge=6_000, description="a process silent for this long loses its lanes"
    )
    transaction_timeout_ms: int = Field(
        default=10_000, ge=1_000, description="an open transaction stalls committed readers at most this long"
    )
    request_timeout_ms: int = Field(default=20_000, ge=1_000, description="one request to the broker")
    stall_timeout_ms: int = Field(
        default=60_000, ge=5_000, description="reconnect if records wait and none arrives for this long"
    )
    grace_s: float = Field(default=10, ge=0, description="how long a stopping process finishes its work")
