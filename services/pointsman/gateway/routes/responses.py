"""OpenAI's responses: whole, streamed, in the background, looked up and cancelled."""

import asyncio
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.gateway.door import Door, headers_of, job_headers
from pointsman.gateway.errors import error_of, invalid, not_found
from pointsman.gateway.job_lookup import FoundJob, find
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.responses.events import ResponseEvents
from pointsman.gateway.responses.request import to_chat
from pointsman.gateway.responses.response import failed, pending, to_response
from pointsman.gateway.routes.opened import door_and_agent, json_response
from pointsman.gateway.streaming import streamed
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import REQUEST_DIGEST, Job
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, Outcome

router = APIRouter()

_PREFIX = "resp_"
#: Time limit for a cancelled job's outcome, in seconds.
_CANCEL_S = 2.0
#: A key in a job's metadata: its first message is the instructions, which a later response does not inherit.
INSTRUCTED = "pointsman_instructed"


@router.post("/v1/responses", operation_id="respond", summary="Answer an input")
async def respond(request: Request) -> Response:
    """As in OpenAI's API, without its built-in tools. `background: true` returns at once; poll it then."""
    door, agent_id = door_and_agent(request)
    body, content = await door.body(request)
    stream, background = _flag(body, "stream"), _flag(body, "background")
    chat = await _chat(door, agent_id, body)
    reply = await door.reply(request, agent_id, chat, content, origin=body, marks=_marks(body))
    id, created_at = response_id(reply.job_id), int(door.clock().timestamp())
    reply.is_kept = reply.is_kept or background
    if stream:
        shape = ResponseEvents(id, created_at, body)
        return await streamed(door, request, reply, shape, include_usage=False)
    if background:
        door.webhooks.tell(reply)
        return json_response(pending(id, created_at, body, "queued"), job_headers(reply.job_id))
    if wants_async(request):
        return accepted(door, reply, body)
    completed = await door.answer(request, reply)
    response = to_response(completed.response, id=id, created_at=created_at, request=body)
    return json_response(response, headers_of(reply))


@router.get("/v1/responses/{id}", operation_id="response", summary="Look a response up")
async def response(request: Request, id: str) -> Response:
    """It may be of any process, while it is on record. `stream=true` sends its events as they arrive."""
    door, agent_id = door_and_agent(request)
    found_job = await _find(door, agent_id, id)
    if request.query_params.get("stream", "false") != "false":
        return await _streamed_again(door, request, id, found_job)
    return json_response(_as_response(id, found_job), job_headers(found_job.job.job_id))


@router.post("/v1/responses/{id}/cancel", operation_id="cancel", summary="Cancel a response")
async def cancel(request: Request, id: str) -> Response:
    """A response that is complete does not change."""
    door, agent_id = door_and_agent(request)
    found_job = await _find(door, agent_id, id)
    if found_job.outcome is None:
        await door.jobs.cancel(found_job.job.job_id, agent_id, "cancelled by its caller")
        reply = door.jobs.replies.known(found_job.job.job_id)
        if reply is not None:
            await asyncio.wait([reply.outcome], timeout=_CANCEL_S)
        found_job = await _find(door, agent_id, id)
    body = _as_response(id, found_job)
    if found_job.outcome is None:
        body["status"] = "cancelled"
    return json_response(body, job_headers(found_job.job.job_id))


async def _streamed_again(door: Door, request: Request, id: str, found_job: FoundJob) -> Response:
    """Stream the events again, from the first or from the one after `starting_after`."""
    reply = door.jobs.replies.known(found_job.job.job_id)
    after = _after(request)
    if after >= 0 and reply is None:
        # Another process cut the answer into other chunks, so the numbers of its events do not fit here.
        raise invalid(
            "this process did not send the first events: ask without starting_after", "starting_after"
        )
    if reply is None and found_job.outcome is not None:
        reply = JobReply.ended(found_job.job, found_job.outcome)
    elif reply is None:
        reply = await door.jobs.follow(found_job.job)
    reply.is_kept = True
    created_at = int(_made_at(found_job.job.job_id).timestamp())
    shape = ResponseEvents(id, created_at, found_job.origin or _echo(found_job.job))
    return await streamed(door, request, reply, shape, include_usage=False, skip=after + 1)


def _after(request: Request) -> int:
    text = request.query_params.get("starting_after", "-1")
    try:
        return int(text[:20])
    except ValueError:
        raise invalid("starting_after must be a number", "starting_after", "invalid_type") from None


def _flag(body: Json, name: str) -> bool:
    value = body.get(name) or False
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false", name, "invalid_type")
    return value


def wants_async(request: Request) -> bool:
    """Whether the client asks for an immediate response, to poll for the answer."""
    return "respond-async" in request.headers.get("prefer", "")


def accepted(door: Door, reply: JobReply, body: Json) -> Response:
    """Return the 202 response that says where the answer will be; a webhook may report it."""
    door.webhooks.tell(reply)
    reply.is_kept = True
    id, created_at = response_id(reply.job_id), int(door.clock().timestamp())
    headers = {
        **job_headers(reply.job_id),
        "location": f"/v1/responses/{id}",
        "preference-applied": "respond-async",
    }
    return json_response(pending(id, created_at, body, "queued"), headers, 202)


def response_id(job_id: UUID) -> str:
    """Return the id of the response for a job."""
    return _PREFIX + job_id.hex


def _marks(body: Json) -> Json:
    """Return the request's metadata for the job: providers accept metadata only for chats that they store."""
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise invalid("metadata must be an object", "metadata", "invalid_type")
    return {**metadata, **({INSTRUCTED: "true"} if body.get("instructions") else {})}


async def _chat(door: Door, agent_id: str, body: Json) -> Json:
    """Return the request in the chat shape, with the messages of the previous response."""
    earlier: list[Json] = []
    if body.get("previous_response_id"):
        previous = await _find(door, agent_id, str(body["previous_response_id"]), "previous_response_id")
        if not isinstance(previous.outcome, JobCompleted):
            raise invalid("that response has no answer to go on from", "previous_response_id")
        earlier = _messages(previous.job, previous.outcome)
    try:
        return to_chat(body, earlier)
    except RequestFieldError as error:
        raise invalid(str(error), error.param, "unsupported_value") from None


def _messages(job: Job, outcome: JobCompleted) -> list[Json]:
    """Return the messages up to the end of a response, without its instructions."""
    messages = [message.model_dump(mode="json", exclude_unset=True) for message in job.request.messages]
    choices = outcome.response.get("choices")
    answer = choices[0].get("message") if isinstance(choices, list) and choices else None
    return [
        *messages[1 if job.metadata.get(INSTRUCTED) else 0 :],
        *([answer] if isinstance(answer, dict) else []),
    ]


async def _find(door: Door, agent_id: str, id: str, param: str | None = None) -> FoundJob:
    try:
        job_id = UUID(hex=id.removeprefix(_PREFIX)) if id.startswith(_PREFIX) else None
    except ValueError:
        job_id = None
    ours = job_id is not None and job_id.version in (5, 7)  # 5: from an idempotency key
    found_job = await find(door, job_id, agent_id) if job_id is not None and ours else None
    if found_job is None:
        raise not_found(f"there is no response {id[:60]!r} of yours", param)
    return found_job


def _as_response(id: str, found_job: FoundJob) -> Json:
    request = found_job.origin or _echo(found_job.job)
    created_at = int(_made_at(found_job.job.job_id).timestamp())
    outcome: Outcome | None = found_job.outcome
    if outcome is None:
        return pending(id, created_at, request, "in_progress")
    if isinstance(outcome, JobCompleted):
        return to_response(outcome.response, id=id, created_at=created_at, request=request)
    if isinstance(outcome, JobCancelled):
        return pending(id, created_at, request, "cancelled")
    error = error_of(outcome)
    assert error is not None
    return failed(id, created_at, request, error.code, error.message)


def _echo(job: Job) -> Json:
    """Return the fields of a recorded chat request that have the same name in a response."""
    fields = job.request.model_dump(mode="json", exclude_unset=True)
    echo = {name: value for name, value in fields.items() if name not in ("messages", "tools", "tool_choice")}
    ours = (INSTRUCTED, REQUEST_DIGEST)
    metadata = {name: value for name, value in job.metadata.items() if name not in ours}
    return {**echo, "metadata": metadata}


def _made_at(job_id: UUID) -> datetime:
    return datetime.fromtimestamp((job_id.int >> 80) / 1000 if job_id.version == 7 else 0).astimezone()
