"""Google answers give the same completion whole and streamed, and never cause a crash."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.worker.calls.answer import Answer, Reject, Result, Retry
from pointsman.worker.providers.google.generate_content import GoogleGenerateContent
from pointsman.worker.providers.google.response import to_completion, usage_of
from pointsman.worker.providers.google.stream import GoogleEvents
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

ROW = ProviderRow(name="g", base_url="http://g.test", format="google")

USAGE = {
    "promptTokenCount": 30,
    "cachedContentTokenCount": 20,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 10,
    "thoughtsTokenCount": 30,
    "totalTokenCount": 75,
}
TOP = {"modelVersion": "gemini-x", "responseId": "r1"}
PARTS: list[dict[str, Any]] = [
    {"text": "a or b", "thought": True},
    {"text": "Größe"},
    {"functionCall": {"name": "f", "args": {"a": [1, "ü"]}}, "thoughtSignature": "c2ln"},
    {"functionCall": {"id": "own", "name": "g"}},
]


def candidate(parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    return fields if finish is None else fields | {"finishReason": finish}


WHOLE: dict[str, Any] = {**TOP, "candidates": [candidate(PARTS, "STOP")], "usageMetadata": USAGE}
EVENTS: list[dict[str, Any]] = [
    {**TOP, "candidates": [candidate([{"text": "a or", "thought": True}])]},
    {**TOP, "candidates": [candidate([{"text": " b", "thought": True}, {"text": "Grö"}])]},
    {**TOP, "candidates": [candidate([{"text": "ße"}])], "usageMetadata": {"promptTokenCount": 30}},
    {**TOP, "candidates": [candidate(PARTS[2:])]},
    {**TOP, "candidates": [candidate([{"text": ""}], "STOP")], "usageMetadata": USAGE},
]
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}, **TOP}


def decoded(body: Any) -> Result:
    return decoded_by(GoogleGenerateContent(), ROW, body)


def streamed(events: list[dict[str, Any]]) -> AnswerStream:
    sent = (b"data: " + orjson.dumps(event) + b"\r\n\r\n" for event in events)
    return streamed_by(GoogleEvents(CREATED), sent)


def test_an_answer_becomes_a_completion() -> None:
    result = decoded(WHOLE)
    assert isinstance(result, Answer)
    assert result.response == {
        "id": "r1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "gemini-x",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "refusal": None,
                    "content": "Größe",
                    "reasoning_content": "a or b",
                    "tool_calls": [
                        {
                            "id": "call_0_r1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a":[1,"ü"]}'},
                            "extra_content": {"google": {"thought_signature": "c2ln"}},
                        },
                        {"id": "own", "type": "function", "function": {"name": "g", "arguments": "{}"}},
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
            "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
    }
    assert result.usage == Usage(input_tokens=35, output_tokens=40, cached_tokens=20)


def test_a_streamed_answer_gives_the_same_completion() -> None:
    stream = streamed(EVENTS)
    assert stream.fold.is_whole
    assert stream.fold.body() == to_completion(WHOLE, CREATED)


@pytest.mark.parametrize("length", range(len(EVENTS)))
def test_an_interrupted_stream_is_incomplete_and_has_no_usage(length: int) -> None:
    assert breaks_off(streamed(EVENTS[:length]))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("SPII", "content_filter"),
     ("OF_TOMORROW", "of_tomorrow")],
)  # fmt: skip
def test_finish_reasons_are_translated_to_openais(reason: str, expected: str) -> None:
    result = decoded({**WHOLE, "candidates": [candidate([{"text": "x"}], reason)]})
    assert isinstance(result, Answer)
    assert result.response["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER"])
def test_an_end_that_is_none_is_tried_again(reason: str) -> None:
    result = decoded({**WHOLE, "candidates": [{"finishReason": reason}]})
    assert isinstance(result, Retry)
    assert result.usage == Usage(input_tokens=35, output_tokens=40, cached_tokens=20)


def test_a_prompt_that_was_blocked_is_filtered_and_was_paid_for() -> None:
    stream = streamed([BLOCKED])
    for result in (decoded(BLOCKED), decoded(stream.stopped_by)):
        assert isinstance(result, Reject)
        assert (result.reason, result.unbilled) == (FailReason.CONTENT_FILTER, False)
        assert result.usage == Usage(input_tokens=7, output_tokens=0)


@pytest.mark.parametrize(
    ("status", "reason", "again"),
    [
        ("RESOURCE_EXHAUSTED", FailReason.RATE_LIMITED, True),
        ("UNAVAILABLE", FailReason.SERVER_ERROR, True),
        ("INTERNAL", FailReason.SERVER_ERROR, True),
        ("DEADLINE_EXCEEDED", FailReason.TIMEOUT, True),
        ("PERMISSION_DENIED", FailReason.AUTHENTICATION, False),
        ("NOT_FOUND", FailReason.MODEL_NOT_FOUND, False),
    ],
)
def test_an_error_has_a_reason_of_ours(status: str, reason: FailReason, again: bool) -> None:
    error = {"error": {"code": 400, "status": status, "message": "it went wrong"}}
    result = decoded(error)
    assert isinstance(result, Retry if again else Reject)
    assert result.reason is reason
    assert streamed([*EVENTS[:2], error]).stopped_by == orjson.dumps(error)


@pytest.mark.parametrize("name", list(USAGE)[:-1])
@pytest.mark.parametrize("count", [-1, 1.5, True, "7", 10**9])
def test_tokens_that_cannot_be_are_unknown_and_never_none(name: str, count: Any) -> None:
    assert usage_of({**USAGE, name: count}) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", {"a": 1}, {"candidates": []}, {"candidates": {}}])
def test_nonsense_is_no_answer(body: Any) -> None:
    assert isinstance(decoded(body), Retry)


_CALL = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "name", "args"), SMALL_JSON))
_PART = st.fixed_dictionaries(
    {},
    optional={
        "text": SMALL_JSON,
        "thought": SMALL_JSON,
        "functionCall": _CALL | SMALL_JSON,
        "thoughtSignature": SMALL_JSON,
    },
)
_CANDIDATE = st.fixed_dictionaries(
    {},
    optional={
        "content": st.builds(lambda parts: {"parts": parts}, st.lists(_PART, max_size=3)) | SMALL_JSON,
        "finishReason": st.sampled_from(["STOP", "SAFETY"]) | SMALL_JSON,
    },
)
_EVENT = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(_CANDIDATE, max_size=2) | SMALL_JSON,
        "usageMetadata": st.just(USAGE) | SMALL_JSON,
        "promptFeedback": st.just({"blockReason": "SAFETY"}) | SMALL_JSON,
        "responseId": SMALL_JSON,
        "modelVersion": SMALL_JSON,
    },
)


@given(_EVENT)
def test_no_body_raises(body: dict[str, Any]) -> None:
    decoded(body)


@given(st.lists(_EVENT, max_size=8))
def test_no_stream_raises(events: list[dict[str, Any]]) -> None:
    end_whatever_came(streamed(events))


def test_an_answer_of_calls_alone_has_an_empty_content_streamed_too() -> None:
    event = {**TOP, "candidates": [candidate(PARTS[2:3], "STOP")], "usageMetadata": USAGE}
    whole = to_completion(event, CREATED)
    assert whole is not None
    message = streamed([event]).fold.body()["choices"][0]["message"]
    assert message == whole["choices"][0]["message"]
    assert message["content"] is None
