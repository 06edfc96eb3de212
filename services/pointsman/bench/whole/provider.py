"""A provider in OpenAI's chat format that answers at once; a stream sends its pieces one after another.

`python -m pointsman.bench.whole.provider PORT`
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
import uvicorn

_ANSWER = orjson.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_770_000_000,
        "model": "gpt-4.1-nano",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "The capital of France is Paris. " * 8},
            }
        ],
        "usage": {"prompt_tokens": 220, "completion_tokens": 60, "total_tokens": 280},
    }
)
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))],
}
_BODY = {"type": "http.response.body", "body": _ANSWER}
_STREAM_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream")],
}
_PIECES, _GAP_S = 8, 0.05

Message = MutableMapping[str, Any]


async def answer(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer any request the same, whatever its method and path."""
    if scope["type"] == "http":
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if b'"stream":true' in body:
            await _stream(send)
            return
        await send(_START)
        await send(_BODY)


async def _stream(send: Callable[[Message], Awaitable[None]]) -> None:
    top = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_770_000_000}
    top["model"] = "gpt-4.1-nano"
    await send(_STREAM_START)
    for number in range(_PIECES):
        delta = {"content": "The capital of France is Paris. "}
        await send(_event({**top, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
        if number < _PIECES - 1:
            await asyncio.sleep(_GAP_S)
    await send(_event({**top, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    usage = {"prompt_tokens": 220, "completion_tokens": 60, "total_tokens": 280}
    await send(_event({**top, "choices": [], "usage": usage}))
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def _event(event: dict[str, Any]) -> Message:
    return {
        "type": "http.response.body",
        "body": b"data: " + orjson.dumps(event) + b"\n\n",
        "more_body": True,
    }


if __name__ == "__main__":
    uvicorn.run(
        answer,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        http="httptools",
        lifespan="off",
        backlog=2048,
    )
