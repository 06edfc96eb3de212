"""Anthropic's messages, whole and streamed."""

from fastapi import APIRouter, Request, Response

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.gateway.anthropic.events import MessageEvents
from pointsman.gateway.anthropic.request import to_chat
from pointsman.gateway.anthropic.response import to_message
from pointsman.gateway.door import headers_of
from pointsman.gateway.errors import WITHOUT_THREAD, invalid
from pointsman.gateway.routes.opened import door_and_agent, json_response
from pointsman.gateway.streaming import streamed

router = APIRouter()


@router.post("/v1/messages", operation_id="message", summary="Answer a conversation, by Anthropic's API")
async def message(request: Request) -> Response:
    """A parameter without a counterpart at the providers is refused, not ignored."""
    door, agent_id = door_and_agent(request)
    body, content = await door.body(request)
    try:
        chat = to_chat(body)
    except RequestFieldError as error:
        code = WITHOUT_THREAD if error.param == "thread" else "unsupported_value"
        raise invalid(str(error), error.param, code) from None
    reply = await door.reply(request, agent_id, chat, content, origin=body)
    if body.get("stream"):
        return await streamed(door, request, reply, MessageEvents(), include_usage=True)
    completed = await door.answer(request, reply)
    return json_response(to_message(completed.response, completed.model), headers_of(reply))
