"""Pieces of streamed answers (topic `jobs.chunks`)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Json, Message

#: The maximum number of events in one message.
MOST_EVENTS = 1_000


class JobChunk(Message):
    """Pieces of the answer to a job that requested a stream. The outcome has the whole answer.

    Not transactional and not audited. Messages may be lost: `index` then has a gap, and the missing pieces
    are in the outcome. Pieces with another `call` start the answer again.
    """

    type: Literal["job.chunk.v1"] = "job.chunk.v1"
    job_id: UUID
    agent_id: AgentId
    call: UUID = Field(description="id of the provider call")
    index: int = Field(ge=0, description="number of this message within its call, from 0")
    events: tuple[Json, ...] = Field(
        min_length=1,
        max_length=MOST_EVENTS,
        description="in OpenAI's `chat.completion.chunk` format, in the provider's order; the index of a "
        "tool call counts within the whole answer",
    )
