"""Where the audit's hash chains stood, signed, so that nobody without the key can write them anew."""

import json
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from pointsman_schemas.base import Message, Timestamp, Value

#: A SHA-256 in hexadecimal.
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class LaneHead(Value):
    """One lane: `chain` is the link of the last row before `next_offset`, `rows` how many are chained."""

    topic: str
    partition: int = Field(ge=0)
    chained_from: int = Field(ge=0, description="rows with smaller offsets are older than the chain")
    next_offset: int = Field(ge=0)
    rows: int = Field(ge=0)
    chain: Digest


class ChapterMet(Value):
    """Which topic of Kafka's the rows of a chapter are from, see `audit.chapter`."""

    topic: str
    number: int = Field(ge=1)
    cluster_id: str
    topic_id: UUID


class OffsetsLost(Value):
    """What was deleted from Kafka before it was read, see `audit.lost`."""

    topic: str
    partition: int = Field(ge=0)
    first_offset: int = Field(ge=0)
    next_offset: int = Field(ge=0)


class CheckpointSigned(Message):
    """The audit process vouches for every row of these lanes up to here."""

    type: Literal["audit.checkpoint.v1"] = "audit.checkpoint.v1"
    number: int = Field(ge=1, description="counts up by one in each audit database")
    previous: Digest | None = Field(description="SHA-256 of the checkpoint before, as bytes on the bus")
    made_at: Timestamp
    lanes: tuple[LaneHead, ...] = Field(description="those that moved since this process's last checkpoint")
    chapters: tuple[ChapterMet, ...] = Field(
        default=(), exclude_if=lambda met: not met, description="those that this process has met since then"
    )
    lost: tuple[OffsetsLost, ...] = Field(
        default=(), exclude_if=lambda lost: not lost, description="what this process has lost since then"
    )
    key_id: str = Field(pattern="^[0-9a-f]{16}$", description="begin of the public key's SHA-256")
    signature: str = Field(default="", description="Ed25519 over `signed_bytes`, in base64")

    def signed_bytes(self) -> bytes:
        """What the signature is over: the message without it as JSON, keys sorted, no blanks, UTF-8."""
        body = self.model_dump(mode="json", exclude={"signature"})
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
