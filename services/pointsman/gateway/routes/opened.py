"""The gateway's `Door` for a request, JSON responses and pages of lists."""

from collections.abc import Mapping, Sequence

import orjson
from fastapi import Request, Response

from pointsman.gateway.door import Door
from pointsman.gateway.errors import invalid
from pointsman_schemas.base import Json


def door_of(request: Request) -> Door:
    """Return the application's door."""
    door = request.app.state.door
    assert isinstance(door, Door)
    return door


def door_and_agent(request: Request) -> tuple[Door, str]:
    """Return the door and the calling agent. Raises: ApiError."""
    door = door_of(request)
    return door, door.agent(request)


def json_response(body: Json, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Return a JSON response, without FastAPI's conversion of the content."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def page_of(objects: Sequence[Json], *, limit: str, most: int, after: str) -> Json:
    """Return a page of a list in OpenAI's shape: at most `limit` objects after the one with id `after`.

    Raises:
        ApiError: the limit is not 1 to `most`, or no object has that id.
    """
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 0 < int(limit) <= most):
        raise invalid(f"limit must be 1 to {most:,}", "limit")
    places = [place for place, listed in enumerate(objects, 1) if listed["id"] == after]
    if after and not places:
        raise invalid(f"after: there is no {after[:60]!r} of yours", "after")
    begin = places[0] if places else 0
    page = objects[begin : begin + int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": begin + len(page) < len(objects),
    }
