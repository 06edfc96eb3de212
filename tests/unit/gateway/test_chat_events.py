"""Server-sent events of a chat: unchanged pieces, `[DONE]` at the end, or an error."""

from pointsman.gateway.errors import ApiError
from pointsman.gateway.routes.chat import ChatEvents


def test_a_stream_ends_with_done_or_with_an_error() -> None:
    shape = ChatEvents()
    assert list(shape.start()) == []
    assert list(shape.feed({"choices": [], "id": "c"})) == [(None, {"choices": [], "id": "c"})]
    assert list(shape.end({})) == [(None, b"[DONE]")]
    error = ApiError(502, "server_error", "stream_broken", "it broke")
    assert list(shape.fail(error)) == [(None, error.openai)]
