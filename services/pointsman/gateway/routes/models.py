"""The models that may be requested."""

from fastapi import APIRouter, Request, Response

from pointsman.gateway.asking.model_names import described
from pointsman.gateway.errors import not_found
from pointsman.gateway.routes.opened import door_and_agent, json_response

router = APIRouter()


@router.get("/v1/models", operation_id="models", summary="List models, tiers and aliases")
async def models(request: Request) -> Response:
    """`auto` lets the policy choose, `tier:NAME` asks for a tier; the others are named in the policy."""
    door, _ = door_and_agent(request)
    return json_response(door.models.listed(door.clock()))


@router.get("/v1/models/{name:path}", operation_id="model", summary="Describe a model")
async def model(request: Request, name: str) -> Response:
    """As in OpenAI's and Anthropic's APIs."""
    door, _ = door_and_agent(request)
    if name not in door.models.names:
        raise not_found(f"there is no model {name[:100]!r} here", code="model_not_found")
    return json_response(described(name, door.clock()))
