"""Pieces become the events that the official SDK reads, ending with the whole response."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from pointsman.gateway.errors import ApiError
from pointsman.gateway.responses.events import Event, ResponseEvents
from pointsman.gateway.responses.response import to_response
from tests.support.gateway.spoilt import spoilt

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REQUEST = {"model": "auto", "input": "Hi", "stream": True}


class City(BaseModel):
    city: str


def events_of(chunks: Sequence[dict[str, Any]], completion: dict[str, Any]) -> list[Event]:
    made = ResponseEvents("resp_7", 1, REQUEST)
    events = made.start()
    for chunk in chunks:
        events += made.feed(chunk)
    return events + made.end(completion)


def completion(finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return {"model": "gpt-small", "choices": [choice], "usage": usage}


def chunk(**delta: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }


def call(number: int, arguments: str) -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def piece(number: int, arguments: str, **more: Any) -> dict[str, Any]:
    return {"index": number, **more, "function": {"arguments": arguments, **more.get("function", {})}}


def begun(number: int, arguments: str = "") -> dict[str, Any]:
    return {"index": number, **call(number, arguments)}


def deltas(events: list[Event]) -> dict[tuple[str, str], str]:
    texts: dict[tuple[str, str], str] = {}
    for name, event in events:
        if name.endswith(".delta"):
            place = (name, event["item_id"])
            texts[place] = texts.get(place, "") + event["delta"]
    return texts


def held(events: list[Event], whole: dict[str, Any]) -> None:
    """Properties of every event stream that ends normally."""
    for number, (name, event) in enumerate(events):
        EVENT.validate_python(event)
        assert (event["type"], event["sequence_number"]) == (name, number)
    response = to_response(whole, id="resp_7", created_at=1, request=REQUEST)
    assert events[-1] == (
        f"response.{response['status']}",
        {"type": f"response.{response['status']}", "sequence_number": len(events) - 1, "response": response},
    )
    texts = deltas(events)
    done_texts = {
        (name.replace(".done", ".delta"), event["item_id"]): event[field]
        for name, event in events
        for field in ("text", "refusal", "arguments", "input")
        if name.endswith(".done") and field in event
    }
    assert {place: text for place, text in done_texts.items() if text} == texts
    parts = [
        (event["item_id"], event["content_index"]) for name, event in events if "content_part.added" in name
    ]
    assert parts == [(id, at) for at, (id, _) in enumerate(parts)]
    for item in response["output"]:
        texts_of = {
            "message": [("response.output_text.delta", "text"), ("response.refusal.delta", "refusal")],
            "reasoning": [("response.reasoning_summary_text.delta", "text")],
            "function_call": [("response.function_call_arguments.delta", "arguments")],
            "custom_tool_call": [("response.custom_tool_call_input.delta", "input")],
        }[item["type"]]
        for part in item.get("content", item.get("summary", [item])):
            for name, field in texts_of:
                if field in part:
                    assert texts.pop((name, item["id"]), "") == part[field]
    assert texts == {}
    done = [event["item"] for name, event in events if name == "response.output_item.done"]
    assert done == response["output"]
    added = [event for name, event in events if name == "response.output_item.added"]
    assert [(event["item"]["id"], event["output_index"]) for event in added] == [
        (item["id"], at) for at, item in enumerate(done)
    ]
    for event in added:
        assert not any(event["item"].get(name) for name in ("content", "summary", "arguments", "input"))
    for name, event in events:
        if name.endswith(".done") and "item_id" in event:
            assert event["item_id"] == done[event["output_index"]]["id"]


def through_the_sdk(events: list[Event], **asked: Any) -> Any:
    """The final response of the SDK's helper, read from these events as on the network."""
    body = "".join(f"event: {name}\ndata: {json.dumps(event)}\n\n" for name, event in events)
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, text=body))
    with (
        httpx2.Client(transport=transport) as http,
        OpenAI(api_key="k", base_url="http://gateway.test/v1", http_client=http) as client,
        client.responses.stream(model="auto", input="Hi", **asked) as stream,
    ):
        seen = [event.type for event in stream]
        assert seen == [name for name, _ in events]
        return stream.get_final_response()


def test_a_text_in_the_order_of_the_api() -> None:
    events = events_of([chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo")],
                       completion(content="Hello"))  # fmt: skip
    held(events, completion(content="Hello"))
    assert [name.removeprefix("response.") for name, _ in events] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert through_the_sdk(events).output_text == "Hello"


def test_everything_at_once_through_the_sdk() -> None:
    whole = completion(
        "tool_calls",
        reasoning_content="Hm.",
        content="I look.",
        tool_calls=[call(0, '{"a": 1}'), call(1, "{}")],
    )
    chunks = [
        chunk(reasoning_content="H"), chunk(reasoning_content="m."), chunk(content="I look."),
        chunk(tool_calls=[begun(0)]), chunk(tool_calls=[piece(0, '{"a"')]), chunk(tool_calls=[begun(1, "{")]),
        chunk(tool_calls=[piece(0, ": 1}"), piece(1, "}")]), {"choices": [], "usage": {}},
    ]  # fmt: skip
    events = events_of(chunks, whole)
    held(events, whole)
    indexes = {event["item"]["id"]: event["output_index"] for name, event in events if "item.added" in name}
    assert indexes == {"rs_7": 0, "msg_7": 1, "fc_7_0": 2, "fc_7_1": 3}
    tools = [{"type": "function", "name": "weather", "parameters": {}, "strict": False}]
    final = through_the_sdk(events, tools=tools)
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "function_call"]


def test_structured_output_is_parsed_by_the_sdk() -> None:
    whole = completion(content='{"city": "Bern"}')
    final = through_the_sdk(events_of([chunk(content='{"city"')], whole), text_format=City)
    assert final.output_parsed == City(city="Bern")


def test_a_refusal_and_a_cut_answer() -> None:
    refused = completion(content=None, refusal="No, never.")
    events = events_of([chunk(refusal="No"), chunk(refusal=", ")], refused)
    held(events, refused)
    through_the_sdk(events)
    cut = completion("length", content="Hel")
    events = events_of([chunk(content="Hel")], cut)
    held(events, cut)
    assert events[-1][0] == "response.incomplete"


@pytest.mark.parametrize(
    "numbered",
    [
        pytest.param([begun(0, "{"), piece(0, "}"), begun(1, "[]")], id="as the API does"),
        pytest.param(
            [piece(0, "", id="c0", function={"name": "wea"}), piece(0, "", function={"name": "ther"}),
             piece(0, "{}"), begun(1), piece(1, "[]", id="", function={"name": ""})], id="a name in parts",
        ),
        pytest.param([piece(0, "{}", function={"name": "weather"})], id="no id"),
    ],
)  # fmt: skip
def test_calls_however_a_provider_sends_them(numbered: list[dict[str, Any]]) -> None:
    whole = completion("tool_calls", tool_calls=[call(0, "{}"), call(1, "[]")])
    held(events_of([chunk(tool_calls=[tool_call]) for tool_call in numbered], whole), whole)


def test_calls_of_custom_tools_and_of_namespaces_are_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = {"type": "namespace", "name": "agents", "description": "", "tools": [
        {"type": "function", "name": "weather", "parameters": {}}
    ]}  # fmt: skip
    monkeypatch.setitem(REQUEST, "tools", [agents, {"type": "custom", "name": "patch"}])
    custom = {"id": "c0", "type": "custom", "custom": {"name": "patch", "input": "aab"}}
    function = {"id": "c1", "type": "function", "function": {"name": "agents__weather", "arguments": "{}"}}
    whole = completion("tool_calls", content=None, tool_calls=[custom, function])
    chunks = [
        chunk(tool_calls=[{"index": 0, "id": "c0", "type": "custom", "custom": {"name": "patch"}}]),
        chunk(tool_calls=[{"index": 0, "custom": {"input": "aa"}}]),
        chunk(tool_calls=[{"index": 0, "custom": {"input": "b"}}, {"index": 1, **function}]),
    ]
    for sent in (chunks, chunks[:2], []):
        events = events_of(sent, whole)
        held(events, whole)
        output = through_the_sdk(events).output
        assert [(item.type, item.name, item.namespace) for item in output] == [
            ("custom_tool_call", "patch", None),
            ("function_call", "weather", "agents"),
        ]
        assert (output[0].input, output[1].arguments) == ("aab", "{}")
        done = [event for name, event in events if name == "response.custom_tool_call_input.done"]
        assert [event["input"] for event in done] == ["aab"]


def test_a_job_that_fails_says_so_in_the_stream() -> None:
    made = ResponseEvents("resp_7", 1, REQUEST)
    events = [
        *made.start(),
        *made.feed(chunk(content="Hel")),
        *made.fail(ApiError(504, "timeout_error", "timeout", "It took too long.")),
    ]
    name, event = events[-1]
    EVENT.validate_python(event)
    assert (name, event["sequence_number"]) == ("response.failed", len(events) - 1)
    assert event["response"]["error"] == {
        "code": "server_error", "message": "It took too long.", "type": "timeout",
    }  # fmt: skip
    with pytest.raises(RuntimeError, match=r"response\.completed"):
        through_the_sdk(events)


def test_log_probabilities_come_with_the_text() -> None:
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    fed, whole = chunk(content="Hi"), completion(content="Hi")
    for holder in (fed, whole):
        holder["choices"][0]["logprobs"] = {"content": [token]}
    events = events_of([fed], whole)
    held(events, whole)
    assert [event["logprobs"] for name, event in events if "output_text" in name] == [[token], [token]]


TEXTS = st.text(max_size=12)


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A completion, and possible pieces of it."""
    texts = {name: draw(TEXTS) for name in ("reasoning_content", "content", "refusal")}
    calls = [call(number, draw(TEXTS)) for number in range(draw(st.integers(0, 3)))]
    pieces: list[dict[str, Any]] = []
    for name, text in texts.items():
        pieces += [{name: part} for part in draw(split(text))]
    for number, tool_call in enumerate(calls):
        pieces.append({"tool_calls": [begun(number)]})
        pieces += [
            {"tool_calls": [piece(number, part)]} for part in draw(split(tool_call["function"]["arguments"]))
        ]
    chunks = [chunk(**delta) for delta in pieces[: draw(st.integers(0, len(pieces)))]]
    finish = draw(st.sampled_from(["stop", "length", "content_filter", "tool_calls"]))
    return chunks, completion(finish, **texts, tool_calls=calls)


def split(text: str) -> st.SearchStrategy[list[str]]:
    cuts = st.lists(st.integers(0, len(text)), max_size=4).map(sorted)
    return cuts.map(lambda at: [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)])


@given(answers())
@settings(max_examples=100)
def test_any_pieces_of_an_answer_add_up_to_it(answer: tuple[list[dict[str, Any]], dict[str, Any]]) -> None:
    held(events_of(*answer), answer[1])


def test_no_provider_answer_raises() -> None:
    token = {"token": "He", "logprob": -0.1, "bytes": [72], "top_logprobs": []}
    sent = chunk(content="He", reasoning="Hm.", refusal="No", tool_calls=[begun(0, "{")])
    sent["choices"][0]["logprobs"] = {"content": [token]}
    whole = completion(content="Hello", reasoning="Hm.", refusal="No", tool_calls=[call(0, "{}")])
    for made in spoilt(sent):
        name, event = events_of([made], whole)[-1]
        assert name in ("response.completed", "response.failed")
        assert event["response"]["id"] == "resp_7"
