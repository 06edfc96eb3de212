"""Anthropic's messages, whole and streamed."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request, Response

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.gateway.anthropic.events import MessageEvents, NamedEvent
from pointsman.gateway.anthropic.request import to_chat
from pointsman.gateway.anthropic.response import to_message
from pointsman.gateway.door import headers_of
from pointsman.gateway.errors import WITHOUT_THREAD, ApiError, invalid
from pointsman.gateway.routes.opened import door_of, json_response
from pointsman.gateway.streaming import event_of, streamed
from pointsman_schemas.base import Json

router = APIRouter()


class _Events:
    """See `EventShape`."""

    def __init__(self) -> None:
        self._events = MessageEvents()

    def start(self) -> Iterator[bytes]:
        yield from ()

    def feed(self, chunk: Json) -> Iterator[bytes]:
        return _sent(self._events.feed(chunk))

    def end(self, completion: Json) -> Iterator[bytes]:
        return _sent(self._events.end(completion))

    def fail(self, error: ApiError) -> Iterator[bytes]:
        return _sent([("error", error.anthropic)])


def _sent(events: Iterable[NamedEvent]) -> Iterator[bytes]:
    for name, event in events:
        yield event_of(event, name)


@router.post("/v1/messages", operation_id="message", summary="Answer a conversation, as Anthropic's API")
async def message(request: Request) -> Response:
    """What has no counterpart with the providers is refused, not left out."""
    door = door_of(request)
    agent_id = door.agent(request)
    body, content = await door.body(request)
    try:
        chat = to_chat(body)
    except RequestFieldError as error:
        code = WITHOUT_THREAD if error.param == "thread" else "unsupported_value"
        raise invalid(str(error), error.param, code) from None
    reply = await door.reply(request, agent_id, chat, content, origin=body)
    if body.get("stream"):
        return await streamed(door, request, reply, _Events(), include_usage=True)
    completed = await door.answer(request, reply)
    return json_response(to_message(completed.response, completed.model), headers_of(reply))
