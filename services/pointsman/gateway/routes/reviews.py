"""Cases that wait for a person: listed, shown, and decided by whoever may."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from pointsman.client.reviews import KnownCase
from pointsman.gateway.door import Door
from pointsman.gateway.errors import forbidden, not_found
from pointsman.gateway.reviews.command import ACTIONS, command_record
from pointsman.gateway.reviews.page import LIMIT, MOST, page
from pointsman.gateway.reviews.refusals import error_of
from pointsman.gateway.routes.opened import door_of, json_response

router = APIRouter()


@router.get("/v1/reviews", operation_id="reviews", summary="List cases, the earliest deadline first")
async def list_cases(
    request: Request,
    queue: Annotated[str, Query(description="of this one only")] = "",
    state: Annotated[str, Query(description="`waiting`, `all`, or one such as `open`")] = "waiting",
    limit: Annotated[str, Query(description=f"{LIMIT} unless said, at most {MOST}")] = "",
    cursor: Annotated[str, Query(description="`next_cursor` of the page before")] = "",
) -> Response:
    """Cases of the queues in which the API key's owner is a reviewer."""
    door = door_of(request)
    _, queues = door.reviewer(request)
    cases = await door.reviews.cases()
    return json_response(page(cases.all, queues, queue=queue, state=state, limit=limit, cursor=cursor))


@router.get("/v1/reviews/{job_id}", operation_id="review", summary="Show a case")
async def show(request: Request, job_id: str) -> Response:
    """`request`: what opened the case, null once it has ended. `seen`: what a decision states as looked at.

    `topic`: the topic for which a command is signed.
    """
    door = door_of(request)
    _, queues = door.reviewer(request)
    entry = await _case_of(door, job_id, queues)
    request_body = None if entry.request is None else entry.request.model_dump(mode="json")
    case = entry.case.model_dump(mode="json")
    topic = door.settings.topics.reviews_decided.name
    return json_response({"case": case, "request": request_body, "seen": entry.seen or None, "topic": topic})


@router.post("/v1/reviews/{job_id}/{action}", operation_id="decide", summary="Claim or decide a case")
async def act(request: Request, job_id: str, action: str) -> Response:
    """`action`: claim, release, approve, edit, reject or send. The body is the command, sent on unchanged.

    It is a `review.claim.v1`, `review.release.v1` or `review.decide.v1` (docs/contract.md), signed by the
    headers `ce-id`, `ce-time` and `ce-signature` as a record of the topic that the case names.
    """
    door = door_of(request)
    by, queues = door.reviewer(request)
    if action not in ACTIONS:
        raise not_found(f"unknown action; possible are: {', '.join(ACTIONS)}")
    _, content = await door.body(request)
    entry = await _case_of(door, job_id, queues)
    topic = door.settings.topics.reviews_decided
    record, command = command_record(
        topic, entry.case, action, by=by, content=content, headers=request.headers, now=door.clock()
    )
    answered = await door.reviews.send(record, command)
    error = error_of(answered)
    if error is not None:
        raise error
    return json_response(answered.model_dump(mode="json"))


async def _case_of(door: Door, job_id: str, queues: tuple[str, ...]) -> KnownCase:
    cases = await door.reviews.cases()
    try:
        entry = cases.known(UUID(job_id))
    except ValueError:
        entry = None
    if entry is None:
        raise not_found(f"there is no case of job {job_id[:100]}", code="unknown_case")
    if entry.case.queue not in queues:
        raise forbidden(f"you are not a reviewer of queue {entry.case.queue}")
    return entry
