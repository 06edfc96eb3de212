"""OpenAI's chat completions, whole and streamed."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response

from pointsman.gateway.door import headers_of
from pointsman.gateway.errors import ApiError, invalid
from pointsman.gateway.routes.opened import door_and_agent, json_response
from pointsman.gateway.routes.responses import accepted, wants_async
from pointsman.gateway.streaming import StreamEvent, streamed
from pointsman_schemas.base import Json

router = APIRouter()


class ChatEvents:
    """The chat API's stream; see `EventShape`."""

    def start(self) -> Iterable[StreamEvent]:
        return ()

    def feed(self, chunk: Json) -> Iterable[StreamEvent]:
        return [(None, chunk)]

    def end(self, completion: Json) -> Iterable[StreamEvent]:
        return [(None, b"[DONE]")]

    def fail(self, error: ApiError) -> Iterable[StreamEvent]:
        return [(None, error.openai)]


@router.post("/v1/chat/completions", operation_id="chat", summary="Answer a conversation")
async def chat(request: Request) -> Response:
    """As in OpenAI's API; unknown parameters are passed on to the provider."""
    door, agent_id = door_and_agent(request)
    body, content = await door.body(request)
    wants_stream = body.get("stream", False)
    if not isinstance(wants_stream, bool | None):
        raise invalid("stream must be true or false", "stream", "invalid_type")
    reply = await door.reply(request, agent_id, body, content)
    if wants_async(request):
        return accepted(door, reply, body)
    if wants_stream:
        options = body.get("stream_options")
        include_usage = isinstance(options, dict) and options.get("include_usage") is True
        return await streamed(door, request, reply, ChatEvents(), include_usage=include_usage)
    completed = await door.answer(request, reply)
    return json_response(completed.response, headers_of(reply))
