"""The door that a request came through, and JSON that is answered."""

from collections.abc import Mapping

import orjson
from fastapi import Request, Response

from pointsman.gateway.door import Door
from pointsman_schemas.base import Json


def door_of(request: Request) -> Door:
    """As the application was given it."""
    door = request.app.state.door
    assert isinstance(door, Door)
    return door


def json_response(body: Json, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """As it is, without a look at its parts."""
    return Response(orjson.dumps(body), status, headers, "application/json")
