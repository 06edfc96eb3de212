"""OpenAI's embeddings: a job like any other, for a tier with an embedding model."""

from typing import Any

from fastapi import APIRouter, Request, Response

from pointsman.gateway.door import headers_of
from pointsman.gateway.errors import invalid
from pointsman.gateway.routes.opened import door_and_agent, json_response
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import EMBEDDINGS

router = APIRouter()

#: The kind of an embeddings job, unless the request names one; policies have a rule for it.
KIND = "embed"
#: The limit of OpenAI's API.
MOST_INPUTS = 2_048


@router.post("/v1/embeddings", operation_id="embed", summary="Embed texts")
async def embed(request: Request) -> Response:
    """As in OpenAI's API. If `model` names no tier, the policy chooses one by the job's kind.

    `prefer: respond-async` is ignored, because a response of `/v1/responses` cannot hold embeddings.
    """
    door, agent_id = door_and_agent(request)
    body, content = await door.body(request)
    chat = to_chat(body)
    reply = await door.reply(request, agent_id, chat, content, origin=body, kind=KIND)
    completed = await door.answer(request, reply)
    return json_response(completed.response, headers_of(reply))


def to_chat(body: Json) -> Json:
    """Make a message of each input; all other fields become the embeddings' parameters. Pure.

    Raises:
        ApiError: an input is neither a text nor a list of tokens, or there are too many.
    """
    raw = body.get("input")
    inputs = raw if isinstance(raw, list) and not _is_tokens(raw) else [raw]
    if not 0 < len(inputs) <= MOST_INPUTS:
        raise invalid(f"input has {len(inputs):,} members, must have 1 to {MOST_INPUTS:,}", "input")
    parameters = {name: value for name, value in body.items() if name not in ("input", "model", "metadata")}
    return {
        "model": body.get("model"),
        "messages": [
            {"role": "user", "content": _content(value, f"input[{at}]")} for at, value in enumerate(inputs)
        ],
        EMBEDDINGS: parameters,
    }


def _content(value: Any, param: str) -> Any:
    if isinstance(value, str) and value:
        return value
    if _is_tokens(value):
        return [{"type": "tokens", "tokens": value}]
    raise invalid(f"{param} must be a text that is not empty, or a list of tokens", param)


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(token) is int for token in value)
