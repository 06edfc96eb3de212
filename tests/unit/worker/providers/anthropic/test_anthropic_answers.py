"""Anthropic answers give the same completion whole and streamed, and never cause a crash."""

from typing import Any

import orjson
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pointsman.worker.calls.answer import Answer, Reject, Result, Retry
from pointsman.worker.providers.anthropic.messages import AnthropicMessages
from pointsman.worker.providers.anthropic.response import to_completion, usage_of
from pointsman.worker.providers.anthropic.stream import AnthropicEvents
from pointsman.worker.providers.streaming.answer_stream import AnswerStream
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.calls import Usage
from pointsman_schemas.reasons import FailReason
from tests.support.worker.translated import (
    CREATED,
    SMALL_JSON,
    breaks_off,
    decoded_by,
    end_whatever_came,
    streamed_by,
)

ROW = ProviderRow(name="a", base_url="http://a.test", format="anthropic")

USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 5,
    "output_tokens": 40,
    "output_tokens_details": {"thinking_tokens": 30},
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [
        {"type": "thinking", "thinking": "a or b", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "text", "text": "Größe"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, "ü"]}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None,
                                          "usage": {**USAGE, "output_tokens": 1}}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0,
     "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "a or"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": " b"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": MESSAGE["content"][1]},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Grö"}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "ße"}},
    {"type": "content_block_stop", "index": 2},
    {"type": "content_block_start", "index": 3,
     "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 3,
     "delta": {"type": "input_json_delta", "partial_json": '{"a":[1,'}},
    {"type": "content_block_delta", "index": 3,
     "delta": {"type": "input_json_delta", "partial_json": '"ü"]}'}},
    {"type": "content_block_stop", "index": 3},
    {"type": "content_block_start", "index": 4,
     "content_block": {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}},
    {"type": "content_block_stop", "index": 4},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None},
     "usage": {"output_tokens": 40}},
    {"type": "message_stop"},
]  # fmt: skip


def decoded(body: Any) -> Result:
    return decoded_by(AnthropicMessages(100), ROW, body)


def streamed(events: list[dict[str, Any]]) -> AnswerStream:
    sent = (
        f"event: {event.get('type')}\ndata: ".encode() + orjson.dumps(event) + b"\n\n" for event in events
    )
    return streamed_by(AnthropicEvents(CREATED), sent)


def test_a_message_becomes_a_completion() -> None:
    Message.model_validate(MESSAGE, strict=False)  # it is one by its own client's types
    result = decoded(MESSAGE)
    assert isinstance(result, Answer)
    assert result.response == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "claude-haiku-5-5",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "refusal": None,
                    "content": "Größe",
                    "reasoning_content": "a or b",
                    "thinking_blocks": MESSAGE["content"][:2],
                    "tool_calls": [
                        {
                            "id": "toolu_1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a":[1,"ü"]}'},
                        },
                        {"id": "toolu_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "prompt_tokens": 35,
            "completion_tokens": 40,
            "total_tokens": 75,
            "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
    }
    assert result.usage == Usage(input_tokens=35, output_tokens=40, cached_tokens=20, cache_write_tokens=5)


def test_one_hour_cache_writes_are_counted_separately() -> None:
    creation = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}
    for cache_creation, hour in ((creation, 3), (None, 0), ({"ephemeral_1h_input_tokens": 0}, 0)):
        result = decoded({**MESSAGE, "usage": {**MESSAGE["usage"], "cache_creation": cache_creation}})
        assert isinstance(result, Answer) and result.usage is not None
        assert (result.usage.cache_write_tokens, result.usage.cache_write_1h_tokens) == (5, hour)
    for odd in ({"ephemeral_1h_input_tokens": 6}, {"ephemeral_1h_input_tokens": -1}):
        result = decoded({**MESSAGE, "usage": {**MESSAGE["usage"], "cache_creation": odd}})
        assert isinstance(result, Answer) and result.usage is None


def test_a_streamed_answer_gives_the_same_completion() -> None:
    events: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    for event in EVENTS:
        if event["type"] != "ping":
            events.validate_python(event)
    stream = streamed(EVENTS)
    assert stream.is_over
    assert stream.fold.is_whole
    assert stream.fold.body() == to_completion(MESSAGE, CREATED)


@pytest.mark.parametrize("length", range(len(EVENTS) - 2))
def test_an_interrupted_stream_is_incomplete_and_has_no_usage(length: int) -> None:
    assert breaks_off(streamed(EVENTS[:length]))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"),
     ("model_context_window_exceeded", "length"), ("tool_use", "tool_calls"), ("tomorrow", "tomorrow")],
)  # fmt: skip
def test_finish_reasons_are_translated_to_openais(reason: str, expected: str) -> None:
    result = decoded({**MESSAGE, "stop_reason": reason})
    assert isinstance(result, Answer)
    assert result.response["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize(
    ("kind", "reason", "again"),
    [
        ("overloaded_error", FailReason.SERVER_ERROR, True),
        ("api_error", FailReason.SERVER_ERROR, True),
        ("rate_limit_error", FailReason.RATE_LIMITED, True),
        ("authentication_error", FailReason.AUTHENTICATION, False),
        ("billing_error", FailReason.AUTHENTICATION, False),
        ("not_found_error", FailReason.MODEL_NOT_FOUND, False),
        ("request_too_large", FailReason.BAD_REQUEST, False),
        ("timeout_error", FailReason.TIMEOUT, True),
    ],
)
def test_an_error_has_a_reason_of_ours(kind: str, reason: FailReason, again: bool) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "it went wrong"}}
    result = decoded(error)
    assert isinstance(result, Retry if again else Reject)
    assert result.reason is reason
    stream = streamed([*EVENTS[:4], error])
    assert stream.stopped_by == orjson.dumps(error)


@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
@pytest.mark.parametrize("count", [-1, 1.5, True, "7", 10**9, None])
def test_tokens_that_cannot_be_are_unknown_and_never_none(name: str, count: Any) -> None:
    usage = {**USAGE, name: count}
    if count is None and name.startswith("cache"):
        assert usage_of(usage) is not None
        return
    assert usage_of(usage) is None
    result = decoded({**MESSAGE, "usage": usage})
    assert isinstance(result, Answer)
    assert result.usage is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", {"type": "message"}, {"content": []}, {"type": "message", "content": {}}]
)
def test_nonsense_is_no_answer(body: Any) -> None:
    assert isinstance(decoded(body), Retry)


def test_values_that_no_record_can_hold_are_kept_raw() -> None:
    body = orjson.dumps({**MESSAGE, "content": [{"type": "text", "text": "@"}]}).replace(b"@", b"\\u0000")
    result = decoded(body)
    assert isinstance(result, Answer)
    assert result.response["choices"][0]["message"]["content"] == "\ufffd"
    assert result.raw is not None
    assert result.raw.content.encode() == body


_BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "thinking", "redacted_thinking", "new"])},
    optional=dict.fromkeys(("text", "id", "name", "input", "thinking", "signature"), SMALL_JSON),
)
_DELTA = st.fixed_dictionaries(
    {"type": st.sampled_from(["text_delta", "input_json_delta", "thinking_delta", "signature_delta", "new"])},
    optional=dict.fromkeys(("text", "partial_json", "thinking", "signature", "stop_reason"), SMALL_JSON),
)
_EVENT = st.one_of(
    st.sampled_from(EVENTS),
    st.fixed_dictionaries(
        {"type": st.sampled_from([event["type"] for event in EVENTS])},
        optional={
            "content_block": _BLOCK | SMALL_JSON,
            "delta": _DELTA | SMALL_JSON,
            "usage": SMALL_JSON,
            "message": SMALL_JSON,
        },
    ),
)


@given(st.dictionaries(st.sampled_from(list(MESSAGE)), SMALL_JSON | st.lists(_BLOCK, max_size=3)))
def test_no_body_raises(more: dict[str, Any]) -> None:
    decoded({**MESSAGE, **more})


@given(st.lists(_EVENT, max_size=12))
def test_no_stream_raises(events: list[dict[str, Any]]) -> None:
    end_whatever_came(streamed(events))
