"""A piece of an answer while it is being written (topic `jobs.chunks`)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Json, Message

#: Events that one message holds at most: as many as came within a moment.
MOST_EVENTS = 1_000


class JobChunk(Message):
    """Pieces of the answer to a job that asked for a stream; the outcome holds the whole answer.

    Not in a transaction and not audited. A reader may miss messages, and sees it by `index`: what is
    missing is in the outcome. Pieces of another `call` begin the answer anew.
    """

    type: Literal["job.chunk.v1"] = "job.chunk.v1"
    job_id: UUID
    agent_id: AgentId
    call: UUID = Field(description="the provider call that it is of")
    index: int = Field(ge=0, description="of this message among those of its call, from 0")
    events: tuple[Json, ...] = Field(
        min_length=1,
        max_length=MOST_EVENTS,
        description="in OpenAI's `chat.completion.chunk` shape, in order, as the provider sent them; a call "
        "of a tool has its number in the whole answer",
    )
