"""OpenAI's files, for batches: kept in the store of large values, listed by their topic."""

from hashlib import sha256
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response

from pointsman.claims.store import ClaimStore
from pointsman.gateway.asking.body import read_content
from pointsman.gateway.batches.form import fields_of
from pointsman.gateway.batches.shapes import file_object
from pointsman.gateway.door import Door
from pointsman.gateway.errors import ApiError, invalid, not_found
from pointsman.gateway.routes.opened import door_and_agent, json_response, page_of
from pointsman_schemas.control.batches import FileKept

router = APIRouter()

#: The largest file in bytes, if the store has no lower limit.
MOST_BYTES = 32 * 1024 * 1024
_FORM_BYTES = 16 * 1024
_MOST_LISTED = 10_000


@router.post("/v1/files", operation_id="upload", summary="Upload a file for a batch")
async def upload(request: Request) -> Response:
    """`purpose` must be `batch`; each line is a request."""
    door, agent_id = door_and_agent(request)
    store = store_of(door)
    most = min(MOST_BYTES, door.settings.claims_max_bytes)
    async with door.uploads:
        fields = fields_of(
            request.headers.get("content-type", ""), await read_content(request, most + _FORM_BYTES)
        )
        if fields.get("purpose", ("", b""))[1] != b"batch":
            raise invalid("purpose must be `batch`: other files are of no use here", "purpose")
        name, content = fields.get("file", ("", b""))
        if not name or not content:
            raise invalid("file: there is none, or nothing in it", "file")
        digest = sha256(content).hexdigest()
        stored_file = FileKept(
            file_id=f"file-{uuid4().hex}",
            agent_id=agent_id,
            name=name,
            purpose="batch",
            bytes=len(content),
            sha256=digest,
            created_at=door.clock(),
        )
        await store.put(digest, content)
        await door.batches.write(stored_file)
    return json_response(file_object(stored_file))


@router.get("/v1/files", operation_id="files", summary="List files, the newest first")
async def list_files(
    request: Request,
    purpose: Annotated[str, Query(description="`batch` or `batch_output`; both unless said")] = "",
    limit: Annotated[str, Query(description=f"at most {_MOST_LISTED:,}, which is what is meant")] = "",
    order: Annotated[str, Query(description="by the time they were made: `asc` or `desc`")] = "desc",
    after: Annotated[str, Query(description="the last one of the page before")] = "",
) -> Response:
    """Only the caller's own files."""
    door, agent_id = door_and_agent(request)
    if order not in ("asc", "desc"):
        raise invalid("order must be asc or desc", "order")
    await door.batches.caught_up()
    ours = [
        file
        for file in door.batches.files.values()
        if file.agent_id == agent_id and file.deleted_at is None and purpose in ("", file.purpose)
    ]
    ours.sort(key=lambda file: (file.created_at, file.file_id), reverse=order == "desc")
    objects = [file_object(file) for file in ours]
    return json_response(page_of(objects, limit=limit or str(_MOST_LISTED), most=_MOST_LISTED, after=after))


@router.delete("/v1/files/{file_id}", operation_id="file_delete", summary="Delete a file")
async def delete(request: Request, file_id: str) -> Response:
    """The file is no longer listed. The store deletes its content by age, as that of other values."""
    door, agent_id = door_and_agent(request)
    await door.batches.caught_up()
    file = await file_of(door, agent_id, file_id)
    for batch in door.batches.open_batches(agent_id):
        if batch.input_file_id == file_id:
            message = f"{batch.batch_id} reads the file: cancel it, or wait for its end"
            raise ApiError(409, "conflict_error", "file_in_use", message, headers={"x-should-retry": "false"})
    await door.batches.write(file.model_copy(update={"deleted_at": door.clock()}))
    return json_response({"id": file_id, "object": "file", "deleted": True})


@router.get("/v1/files/{file_id}", operation_id="file", summary="Describe a file")
async def describe(request: Request, file_id: str) -> Response:
    """Only the caller's own files."""
    door, agent_id = door_and_agent(request)
    return json_response(file_object(await file_of(door, agent_id, file_id)))


@router.get("/v1/files/{file_id}/content", operation_id="file_content", summary="Download a file")
async def download(request: Request, file_id: str) -> Response:
    """The content as uploaded, or as written by a batch."""
    door, agent_id = door_and_agent(request)
    file = await file_of(door, agent_id, file_id)
    content = await store_of(door).get(file.sha256)
    if content is None or sha256(content).hexdigest() != file.sha256:
        raise not_found("the file is not in the store any more")
    return Response(content, 200, media_type="application/octet-stream")


async def file_of(door: Door, agent_id: str, file_id: str, param: str | None = None) -> FileKept:
    """Return the agent's file. Raises: ApiError: the agent has no such file.

    BusError: the topic cannot be read.
    """
    file = door.batches.file(file_id)
    if file is None:
        await door.batches.caught_up()
        file = door.batches.file(file_id)
    if file is None or file.agent_id != agent_id:
        raise not_found(f"there is no file {file_id[:60]!r} of yours", param)
    return file


def store_of(door: Door) -> ClaimStore:
    """Return the store of files. Raises: ApiError: no store is configured."""
    if door.files is None:
        raise invalid("there are no files here: the gateway has no store (POINTSMAN_CLAIMS)", "file")
    return door.files
