"""A chat completion is translated to a response that the official SDK reads."""

from typing import Any, get_args

import pytest
from openai.types.responses import (
    Response,
    ResponseError,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
)

from pointsman.gateway.responses.response import _CODES, failed, pending, to_response
from tests.support.gateway.spoilt import spoilt

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
REQUEST = {
    "model": "auto", "input": "Hi", "instructions": "Be kind.", "temperature": 0.2, "top_p": 0.9, "user": "u",
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
    "tool_choice": {"type": "function", "name": "weather"}, "parallel_tool_calls": False,
    "text": {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA}}, "metadata": {"a": "b"},
    "reasoning": {"effort": "low"}, "max_output_tokens": 50, "previous_response_id": "resp_0", "store": False,
    "truncation": "disabled", "background": True,
}  # fmt: skip
USAGE = {
    "prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 20}, "completion_tokens_details": {"reasoning_tokens": 5},
}  # fmt: skip


def call(number: int, arguments: str = "{}") -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def completion(finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "model": "gpt-small", "choices": [choice], "usage": USAGE}


def read(made: dict[str, Any]) -> Response:
    return Response.model_validate(made)


def respond(made: dict[str, Any], request: dict[str, Any] = REQUEST) -> Response:
    return read(to_response(made, id="resp_7", created_at=1_790_000_000, request=request))


def test_an_answer_of_every_kind() -> None:
    made = respond(
        completion(
            "tool_calls", content="Hello", reasoning_content="Hm.", tool_calls=[call(1), call(2, "[1]")]
        )
    )
    assert (made.id, made.created_at, made.status, made.model) == (
        "resp_7",
        1_790_000_000,
        "completed",
        "gpt-small",
    )
    reasoning, message, first, second = made.output
    assert isinstance(reasoning, ResponseReasoningItem)
    assert (reasoning.id, reasoning.summary[0].text) == ("rs_7", "Hm.")
    assert isinstance(message, ResponseOutputMessage)
    assert (message.id, message.status, message.content[0].annotations) == ("msg_7", "completed", [])
    assert made.output_text == "Hello"
    assert isinstance(first, ResponseFunctionToolCall)
    assert isinstance(second, ResponseFunctionToolCall)
    assert (first.id, first.call_id, first.name, first.arguments) == ("fc_7_0", "c1", "weather", "{}")
    assert (second.id, second.call_id, second.arguments) == ("fc_7_1", "c2", "[1]")


def test_the_request_is_repeated() -> None:
    made = to_response(completion(content="Hello"), id="resp_7", created_at=1, request=REQUEST)
    repeated = {name: value for name, value in REQUEST.items() if name not in ("input", "model")}
    assert {name: made[name] for name in repeated} == repeated
    assert "input" not in made


def test_the_request_is_repeated_with_defaults() -> None:
    made = respond(completion(content="Hello"), {"model": "auto", "input": "Hi", "tools": None})
    assert (made.tools, made.tool_choice, made.parallel_tool_calls, made.metadata) == ([], "auto", True, {})
    assert made.text.format.type == "text"


def test_one_response_does_not_change_another() -> None:
    first, second = (to_response({}, id="resp_1", created_at=1, request={}) for _ in range(2))
    first["metadata"]["a"] = "b"
    assert second["metadata"] == {} == pending("resp_2", 1, {}, "queued")["metadata"]


def test_usage() -> None:
    usage = respond(completion(content="Hello")).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (30, 12, 42)
    assert usage.input_tokens_details.cached_tokens == 20
    assert usage.output_tokens_details.reasoning_tokens == 5
    bare = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": None}
    assert respond({**completion(content="Hello"), "usage": bare}).usage.total_tokens == 7
    assert respond({**completion(content="Hello"), "usage": None}).usage is None


@pytest.mark.parametrize(
    ("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_that_was_cut_is_incomplete_where_it_was_cut(finish_reason: str, reason: str) -> None:
    made = respond(completion(finish_reason, content="Hel", tool_calls=[call(1, '{"ci')]))
    assert (made.status, made.incomplete_details.reason) == ("incomplete", reason)
    assert [item.status for item in made.output] == ["completed", "incomplete"]


def test_a_refusal_is_the_only_part_of_its_message() -> None:
    (message,) = respond(completion(content=None, refusal="No.")).output
    assert [(part.type, part.refusal) for part in message.content] == [("refusal", "No.")]


def test_an_empty_answer_is_an_empty_message() -> None:
    for empty in (completion(content=""), completion(content=None), {"model": "m", "choices": []}):
        (message,) = respond(empty).output
        assert [part.text for part in message.content] == [""]


def test_calls_without_ids_get_some() -> None:
    calls = [{"type": "function", "function": {"name": "weather", "arguments": "{}"}}] * 2
    assert [item.call_id for item in respond(completion(tool_calls=calls)).output] == ["call_7_0", "call_7_1"]


def test_log_probabilities() -> None:
    top = {"token": "Hi", "logprob": -0.1, "bytes": None}
    made = completion(content="Hi")
    made["choices"][0]["logprobs"] = {"content": [{**top, "top_logprobs": [top]}]}
    part = to_response(made, id="resp_7", created_at=1, request=REQUEST)["output"][0]["content"][0]
    (entry,) = ResponseOutputText.model_validate(part).logprobs or []
    assert (entry.token, entry.logprob, entry.bytes, entry.top_logprobs[0].token) == ("Hi", -0.1, [], "Hi")


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_response_without_an_answer(status: Any) -> None:
    made = read(pending("resp_7", 1, REQUEST, status))
    assert (made.status, made.output, made.usage, made.model) == (status, [], None, "auto")


def test_a_response_that_failed_says_why_in_words_that_the_api_has() -> None:
    made = read(failed("resp_7", 1, REQUEST, "deadline_exceeded", "It took too long."))
    assert (made.status, made.error.code, made.error.type) == ("failed", "server_error", "deadline_exceeded")
    assert made.error.message == "It took too long."
    assert read(failed("resp_7", 1, REQUEST, "rate_limit_exceeded", "")).error.code == "rate_limit_exceeded"
    # The API does not list it, and sends it: Codex and others shorten the conversation then.
    listed = set(get_args(ResponseError.model_fields["code"].annotation))
    assert _CODES - listed == {"context_length_exceeded"}


def test_any_provider_answer_becomes_a_response() -> None:
    whole = completion(
        "length", content=[{"type": "text", "text": "Hello"}], reasoning="Hm.", tool_calls=[call(1)]
    )
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72], "top_logprobs": [{"token": "Hi"}]}
    whole["choices"][0]["logprobs"] = {"content": [token]}
    for made in (whole, *spoilt(whole)):
        assert to_response(made, id="resp_7", created_at=1, request={})["output"]
