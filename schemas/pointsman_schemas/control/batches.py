"""Files and batches of a gateway's callers, as every gateway has them (topic `gateway.batches`)."""

from typing import Annotated, Literal

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, Timestamp

FileId = Annotated[str, Field(pattern="^file-[0-9a-f]{32}$")]
BatchId = Annotated[str, Field(pattern="^batch_[0-9a-f]{32}$")]


class FileKept(Message):
    """A file is in the store of large values, under its digest."""

    type: Literal["file.kept.v1"] = "file.kept.v1"
    file_id: FileId
    agent_id: AgentId
    name: str = Field(max_length=255)
    purpose: Literal["batch", "batch_output"]
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    created_at: Timestamp
    deleted_at: Timestamp | None = Field(
        default=None, exclude_if=lambda at: at is None, description="it is no caller's any more since then"
    )


class BatchSubmitted(Message):
    """The lines of a file are to be answered, each as a job."""

    type: Literal["batch.submitted.v1"] = "batch.submitted.v1"
    batch_id: BatchId
    agent_id: AgentId
    input_file_id: FileId
    endpoint: str = Field(max_length=64)
    metadata: dict[str, str] = Field(default={}, max_length=16)
    created_at: Timestamp
    expires_at: Timestamp = Field(description="what is not answered by then expires")


class BatchCancel(Message):
    """Stop a batch: lines that were not sent are not, jobs under way are cancelled."""

    type: Literal["batch.cancel.v1"] = "batch.cancel.v1"
    batch_id: BatchId
    agent_id: AgentId
    asked_at: Timestamp


class BatchChanged(Message):
    """How far a batch is, by the gateway that works on it."""

    type: Literal["batch.changed.v1"] = "batch.changed.v1"
    batch_id: BatchId
    agent_id: AgentId
    status: Literal["in_progress", "completed", "failed", "expired", "cancelled"]
    total: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)
    problems: tuple[str, ...] = Field(
        default=(), max_length=100, description="why its file cannot be used: `line 3: ...`"
    )
    output_file_id: FileId | None = None
    error_file_id: FileId | None = None
    at: Timestamp
