"""How a chat's stream is told: its chunks as they are, `[DONE]` after the last, or an error instead."""

import json

from pointsman.gateway.errors import ApiError
from pointsman.gateway.routes.chat import ChatEvents


def test_a_stream_ends_with_done_or_with_an_error() -> None:
    shape = ChatEvents()
    assert list(shape.start()) == []
    (chunk,) = shape.feed({"choices": [], "id": "c"})
    assert json.loads(chunk.removeprefix(b"data: ")) == {"choices": [], "id": "c"}
    assert list(shape.end({})) == [b"data: [DONE]\n\n"]
    (failed,) = shape.fail(ApiError(502, "server_error", "stream_broken", "it broke"))
    assert json.loads(failed.removeprefix(b"data: "))["error"]["code"] == "stream_broken"
