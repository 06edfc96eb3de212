"""Uploaded files and batches of the gateway (topic `gateway.batches`)."""

from typing import Annotated, Literal

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, Timestamp

FileId = Annotated[str, Field(pattern="^file-[0-9a-f]{32}$")]
BatchId = Annotated[str, Field(pattern="^batch_[0-9a-f]{32}$")]


class FileKept(Message):
    """A file was uploaded or deleted. Its content is in the store of large values, under its digest."""

    type: Literal["file.kept.v1"] = "file.kept.v1"
    file_id: FileId
    agent_id: AgentId
    name: str = Field(max_length=255)
    purpose: Literal["batch", "batch_output"]
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    created_at: Timestamp
    deleted_at: Timestamp | None = Field(
        default=None, exclude_if=lambda at: at is None, description="when it was deleted"
    )


class BatchSubmitted(Message):
    """A request to answer the lines of a file, each as one job."""

    type: Literal["batch.submitted.v1"] = "batch.submitted.v1"
    batch_id: BatchId
    agent_id: AgentId
    input_file_id: FileId
    endpoint: str = Field(max_length=64)
    metadata: dict[str, str] = Field(default={}, max_length=16)
    created_at: Timestamp
    expires_at: Timestamp = Field(description="lines without an answer by then expire")


class BatchCancel(Message):
    """Stops a batch: no further lines are submitted, and jobs in progress are cancelled."""

    type: Literal["batch.cancel.v1"] = "batch.cancel.v1"
    batch_id: BatchId
    agent_id: AgentId
    asked_at: Timestamp


class BatchChanged(Message):
    """The progress of a batch, written by the gateway that processes it."""

    type: Literal["batch.changed.v1"] = "batch.changed.v1"
    batch_id: BatchId
    agent_id: AgentId
    status: Literal["in_progress", "completed", "failed", "expired", "cancelled"]
    total: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)
    problems: tuple[str, ...] = Field(
        default=(), max_length=100, description="why the input file cannot be used, e.g. `line 3: ...`"
    )
    output_file_id: FileId | None = None
    error_file_id: FileId | None = None
    at: Timestamp
