"""OpenAI's batches: created, looked up, listed and cancelled, in any process."""

from datetime import timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response

from pointsman.client.batch_lines import URL
from pointsman.gateway.batches.shapes import batch_object
from pointsman.gateway.door import Door
from pointsman.gateway.errors import invalid, not_found, too_many
from pointsman.gateway.routes.files import file_of, store_of
from pointsman.gateway.routes.opened import door_and_agent, json_response, page_of
from pointsman_schemas.base import Json
from pointsman_schemas.control.batches import BatchCancel, BatchSubmitted

router = APIRouter()

WINDOW = "24h"
#: The most batches of one agent that have not ended.
MOST_OPEN = 50
_MOST_LISTED, _MOST_TEXT = 100, 512


@router.post("/v1/batches", operation_id="batch_create", summary="Answer the requests of a file")
async def create(request: Request) -> Response:
    """Each line of the file becomes a job, whose deadline is the end of the batch.

    `endpoint` is `/v1/chat/completions`.
    """
    door, agent_id = door_and_agent(request)
    body, _ = await door.body(request)
    store_of(door)
    if body.get("endpoint") != URL:
        raise invalid(f"endpoint must be {URL}", "endpoint")
    if body.get("completion_window") != WINDOW:
        raise invalid(f"completion_window must be {WINDOW}", "completion_window")
    file = await file_of(door, agent_id, str(body.get("input_file_id")), "input_file_id")
    open_batches = door.batches.open_batches(agent_id)
    if len(open_batches) >= MOST_OPEN:
        message = f"{len(open_batches)} batches of yours are not done yet"
        raise too_many(message, "too_many_batches", retry_after_s=60)
    now = door.clock()
    batch = BatchSubmitted(
        batch_id=f"batch_{uuid4().hex}",
        agent_id=agent_id,
        input_file_id=file.file_id,
        endpoint=URL,
        metadata=_metadata(body.get("metadata")),
        created_at=now,
        expires_at=now + timedelta(hours=24),
    )
    await door.batches.write(batch)
    return json_response(_object(door, batch))


@router.get("/v1/batches", operation_id="batches", summary="List batches, the newest first")
async def list_batches(
    request: Request,
    limit: Annotated[str, Query(description=f"20 unless said, at most {_MOST_LISTED}")] = "20",
    after: Annotated[str, Query(description="the last one of the page before")] = "",
) -> Response:
    """Only the caller's own batches."""
    door, agent_id = door_and_agent(request)
    await door.batches.caught_up()
    ours = [batch for batch in door.batches.batches.values() if batch.agent_id == agent_id]
    ours.sort(key=lambda batch: (batch.created_at, batch.batch_id), reverse=True)
    objects = [_object(door, batch) for batch in ours]
    return json_response(page_of(objects, limit=limit, most=_MOST_LISTED, after=after))


@router.get("/v1/batches/{batch_id}", operation_id="batch", summary="Look a batch up")
async def describe(request: Request, batch_id: str) -> Response:
    """Only the caller's own batches."""
    door, agent_id = door_and_agent(request)
    return json_response(_object(door, await _batch_of(door, agent_id, batch_id)))


@router.post("/v1/batches/{batch_id}/cancel", operation_id="batch_cancel", summary="Cancel a batch")
async def cancel(request: Request, batch_id: str) -> Response:
    """Answers that exist are kept. A batch that has ended does not change."""
    door, agent_id = door_and_agent(request)
    batch = await _batch_of(door, agent_id, batch_id)
    if not door.batches.is_over(batch_id):
        await door.batches.write(BatchCancel(batch_id=batch_id, agent_id=agent_id, asked_at=door.clock()))
    return json_response(_object(door, batch))


async def _batch_of(door: Door, agent_id: str, batch_id: str) -> BatchSubmitted:
    batch = door.batches.batches.get(batch_id)
    if batch is None:
        await door.batches.caught_up()
        batch = door.batches.batches.get(batch_id)
    if batch is None or batch.agent_id != agent_id:
        raise not_found(f"there is no batch {batch_id[:60]!r} of yours")
    return batch


def _object(door: Door, batch: BatchSubmitted) -> Json:
    board = door.batches
    return batch_object(batch, board.cancels.get(batch.batch_id), board.states.get(batch.batch_id))


def _metadata(raw: object) -> dict[str, str]:
    pairs = {} if raw is None else raw
    if not isinstance(pairs, dict) or len(pairs) > 16:
        raise invalid("metadata must be an object of at most 16 texts", "metadata")
    if not all(isinstance(value, str) and len(value) <= _MOST_TEXT for value in pairs.values()):
        raise invalid(f"metadata: each value is a text of at most {_MOST_TEXT} characters", "metadata")
    return pairs
