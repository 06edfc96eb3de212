"""Signed checkpoints of the audit's hash chains.

Without the signing key nobody can rewrite the chains unnoticed.
"""

import json
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from pointsman_schemas.base import Message, Timestamp, Value

#: A SHA-256 in hexadecimal.
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class LaneHead(Value):
    """One lane.

    `chain` is the hash of the last row before `next_offset`; `rows` is the number of chained rows.
    """

    topic: str
    partition: int = Field(ge=0)
    chained_from: int = Field(ge=0, description="rows with smaller offsets are not in the chain")
    next_offset: int = Field(ge=0)
    rows: int = Field(ge=0)
    chain: Digest


class ChapterMet(Value):
    """The Kafka topic that the rows of a chapter come from, see table `audit.chapter`."""

    topic: str
    number: int = Field(ge=1)
    cluster_id: str
    topic_id: UUID


class OffsetsLost(Value):
    """Records that were deleted from Kafka before they were read, see table `audit.lost`."""

    topic: str
    partition: int = Field(ge=0)
    first_offset: int = Field(ge=0)
    next_offset: int = Field(ge=0)


class CheckpointSigned(Message):
    """The signed state of the hash chains of these lanes."""

    type: Literal["audit.checkpoint.v1"] = "audit.checkpoint.v1"
    number: int = Field(ge=1, description="increases by one within an audit database")
    previous: Digest | None = Field(description="SHA-256 of the previous checkpoint's record value")
    made_at: Timestamp
    lanes: tuple[LaneHead, ...] = Field(
        description="lanes with new rows since this process's last checkpoint"
    )
    chapters: tuple[ChapterMet, ...] = Field(
        default=(), exclude_if=lambda met: not met, description="new chapters since then"
    )
    lost: tuple[OffsetsLost, ...] = Field(
        default=(), exclude_if=lambda lost: not lost, description="new losses since then"
    )
    key_id: str = Field(pattern="^[0-9a-f]{16}$", description="first 16 digits of the public key's SHA-256")
    signature: str = Field(
        default="", description="Ed25519 signature of the message without this field, in base64"
    )

    def signed_bytes(self) -> bytes:
        """The signed bytes: the message without `signature`, as JSON with sorted keys, no spaces, UTF-8."""
        body = self.model_dump(mode="json", exclude={"signature"})
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
