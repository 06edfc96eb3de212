"""Streams an answer as server-sent events: chunks as they arrive, then the rest of the outcome.

Invariants:
- A stream ends with the answer's end or with an error event, never without either.
- The HTTP status is sent with the first chunk or the outcome, or after a short wait, so that a job refused at
  once gets its own status.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from itertools import count
from typing import Protocol

import anyio
import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from pointsman.gateway.door import LATE_S, Door, answered, headers_of, job_headers, shutting_down, too_late
from pointsman.gateway.errors import ApiError
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.stream import ChatStream, DivergedError
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk

log = logging.getLogger(__name__)

#: A comment is sent after so many seconds without data, as proxies cut silent connections.
PING_S = 10
#: A client that reads nothing for so many seconds is disconnected.
SEND_S = 60
#: The longest time to hold the status back for the first chunk or the outcome, in seconds.
FIRST_S = 5.0

DIVERGED = ApiError(
    502,
    "server_error",
    "stream_broken",
    "the answer was begun once more and is not what was sent of it; its outcome is on record",
)

DEFECT = ApiError(500, "server_error", "internal", "a defect in the gateway, its log has the traceback")


#: An event's name, if the API names events, and its data; bytes are sent unchanged.
StreamEvent = tuple[str | None, Json | bytes]


class EventShape(Protocol):
    """The events of an API's stream."""

    def start(self) -> Iterable[StreamEvent]:
        """Return the events before the first chunk."""

    def feed(self, chunk: Json) -> Iterable[StreamEvent]:
        """Return the events for a chunk in OpenAI's chat shape."""

    def end(self, completion: Json) -> Iterable[StreamEvent]:
        """Return the events after the last chunk. `completion`: the whole answer."""

    def fail(self, error: ApiError) -> Iterable[StreamEvent]:
        """Return the events that replace the end after an error."""


async def streamed(
    door: Door, request: Request, reply: JobReply, shape: EventShape, *, include_usage: bool, skip: int = 0
) -> Response:
    """Return the response that streams a job's answer, without the first `skip` events.

    Raises:
        ApiError: the job ended without an answer before the first chunk.
        GoneError: the client disconnected before the first chunk.
    """
    with door.awaited(request, reply):
        await _first(door, request, reply)
        headers = job_headers(reply.job_id)
        if reply.outcome.done():
            answered(reply)
            headers |= headers_of(reply)
        events = _events(door, request, reply, shape, ChatStream(include_usage=include_usage), skip=skip)
        # The generator counts the client as waiting from its first step, before the context above ends.
        await anext(events)
    return EventSourceResponse(
        events,
        headers=headers,
        sep="\n",
        ping=PING_S,
        send_timeout=SEND_S,
        ping_message_factory=lambda: ServerSentEvent(comment=_waiting(door.jobs.before(reply))),
        # On shutdown, `door.closing` ends streams with an error event; they are cut only after that.
        shutdown_event=anyio.Event(),
        shutdown_grace_period=door.settings.grace_s + 1,
    )


def _waiting(before: int | None) -> str:
    return f"waiting, at most {before} before you" if before else "waiting"


async def _first(door: Door, request: Request, reply: JobReply) -> None:
    async def comes() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S), aclosing(reply.follow()) as pieces:
                await anext(pieces, None)

    await door.until(request, comes(), reply)


async def _events(
    door: Door, request: Request, reply: JobReply, shape: EventShape, chat: ChatStream, *, skip: int = 0
) -> AsyncGenerator[bytes, None]:
    numbers = count()

    def sent(events: Iterable[StreamEvent]) -> bytes:
        return b"".join([_written(*event) for event in events if next(numbers) >= skip])

    with door.awaited(request, reply):
        yield b""  # consumed by `streamed`
        if not (reply.pieces or reply.outcome.done()):
            # A server may hold the headers back until the first bytes of the body.
            yield b": %s\n\n" % _waiting(door.jobs.before(reply)).encode()
        try:
            async with aclosing(_answer(door, reply, shape, chat)) as answer:
                async for events in answer:
                    if content := sent(events):
                        yield content
        except DivergedError:
            problem = DIVERGED
        except ApiError as error:
            problem = error
        except Exception as error:  # the status was sent, so the stream must report it
            failure(log, Event.REQUEST_FAILED, error, job_id=reply.job_id)
            problem = DEFECT
        else:
            return
        yield sent(shape.fail(problem))


async def _answer(
    door: Door, reply: JobReply, shape: EventShape, chat: ChatStream
) -> AsyncGenerator[Iterable[StreamEvent], None]:
    """Yield the events of each chunk together, to send them at once.

    Raises:
        DivergedError, ApiError: the answer cannot be completed.
    """
    yield shape.start()
    async with aclosing(_pieces(door, reply)) as pieces:
        async for piece in pieces:
            yield _shaped(shape, chat.feed(piece))
    completion = answered(reply).response
    yield [*_shaped(shape, chat.end(completion)), *shape.end(completion)]


def _shaped(shape: EventShape, chunks: Iterable[Json]) -> Iterator[StreamEvent]:
    for chunk in chunks:
        yield from shape.feed(chunk)


def _written(name: str | None, data: Json | bytes) -> bytes:
    text = data if isinstance(data, bytes) else orjson.dumps(data)  # JSON has no line feed in it
    return (b"" if name is None else b"event: %s\n" % name.encode()) + b"data: %s\n\n" % text


async def _pieces(door: Door, reply: JobReply) -> AsyncGenerator[JobChunk, None]:
    """Yield each chunk until there is an outcome.

    Raises:
        ApiError: there is none in time, or this process is stopping.
    """
    loop = asyncio.get_running_loop()
    late_at = loop.time() + reply.left_s(door.clock()) + LATE_S
    timer = loop.call_at(late_at, reply.notify)

    def is_over() -> bool:
        return door.closing.is_set() or loop.time() >= late_at

    try:
        async with aclosing(reply.follow(is_over)) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        timer.cancel()
    if not reply.outcome.done():
        raise shutting_down(reply.job_id) if door.closing.is_set() else too_late(reply.job_id)
