"""Chat answers, whole and streamed, as Anthropic's SDK reads them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from pointsman.gateway.anthropic.events import MessageEvents, NamedEvent
from pointsman.gateway.anthropic.response import to_message
from pointsman_schemas.base import Json

anthropic = pytest.importorskip("anthropic")
types = pytest.importorskip("anthropic.types")
httpx2 = pytest.importorskip("httpx2")
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
TOLD = {
    "input_tokens": 10,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 0,
    "output_tokens": 12,
    "output_tokens_details": {"thinking_tokens": 5},
}


def completion(finish: str = "stop", usage: Any = USAGE, **message: Any) -> Json:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return {"id": "chatcmpl-7", "object": "chat.completion", "choices": [choice], "usage": usage}


def call(arguments: str, id: str = "c1", index: int | None = None) -> Json:
    placed = {} if index is None else {"index": index}
    return {**placed, "id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def read(message: Json) -> Any:
    """Reads it with the SDK and checks its types."""
    return types.Message.model_validate(message)


def test_a_text_with_its_usage() -> None:
    message = read(to_message(completion(content="Paris."), "auto"))
    assert (message.id, message.model, message.stop_reason) == ("msg_7", "auto", "end_turn")
    assert [block.text for block in message.content] == ["Paris."]
    assert message.usage.model_dump(exclude_none=True) == TOLD


def test_calls_of_tools() -> None:
    message = read(
        to_message(completion("tool_calls", content=None, tool_calls=[call('{"city":"Köln"}')]), "m")
    )
    (block,) = message.content
    assert (block.type, block.id, block.name, block.input) == ("tool_use", "c1", "weather", {"city": "Köln"})
    assert message.stop_reason == "tool_use"


def test_a_call_that_was_asked_for_by_name_ends_as_every_other_one() -> None:
    """OpenAI says `stop`, but tool runners look only at the finish reason."""
    whole = completion("stop", content=None, tool_calls=[call("{}")])
    assert read(to_message(whole, "m")).stop_reason == "tool_use"
    events = streamed(chunk(tool_calls=[call("{}", index=0)]), chunk("stop"), END)
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"
    cut_off = completion("length", content=None, tool_calls=[call("{}")])
    assert read(to_message(cut_off, "m")).stop_reason == "max_tokens"


@pytest.mark.parametrize(
    ("finish", "expected"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("?", "end_turn")],
)
def test_stop_reasons(finish: str, expected: str) -> None:
    assert read(to_message(completion(finish, content="x"), "m")).stop_reason == expected


def test_a_refusal_is_told_as_one() -> None:
    message = read(to_message(completion(content=None, refusal="I will not."), "m"))
    assert (message.stop_reason, message.content[0].text) == ("refusal", "I will not.")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", {}), *((odd, {"arguments": odd}) for odd in ("{", "[1]", "[" * 9_999))],
)
def test_arguments_that_are_no_object_are_not_lost(arguments: str, expected: Json) -> None:
    message = read(to_message(completion("tool_calls", content=None, tool_calls=[call(arguments)]), "m"))
    assert message.content[0].input == expected


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": {"tool_calls": "x", "content": 7}}], "usage": "x"},
        {"choices": [{"message": {"tool_calls": [None]}}], "usage": {"prompt_tokens": -1}},
    ],
)
def test_any_provider_answer_becomes_a_message(odd: Json) -> None:
    assert read(to_message(odd, "m")).usage.input_tokens == 0
    shape = MessageEvents("m")
    checked([*shape.feed(odd), *shape.feed({"choices": [{"delta": odd}]}), *shape.end(odd)])


def chunk(finish: str | None = None, **delta: Any) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-7", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


END = {"id": "chatcmpl-7", "choices": [], "usage": USAGE}


def streamed(*chunks: Json) -> list[NamedEvent]:
    shape = MessageEvents("auto")
    return checked([event for piece in chunks for event in shape.feed(piece)] + shape.end())


def checked(events: list[NamedEvent]) -> list[NamedEvent]:
    """Checks the SDK's types and the order of blocks."""
    adapter: TypeAdapter[Any] = TypeAdapter(types.RawMessageStreamEvent)
    opened: list[int] = []
    last = -1
    for name, data in events:
        assert data["type"] == name
        adapter.validate_python(data)
        if name == "content_block_start":
            assert opened == [] and data["index"] == last + 1
            opened, last = [data["index"]], data["index"]
        elif name.startswith("content_block"):
            assert opened == [data["index"]]
            opened = [] if name == "content_block_stop" else opened
    names = [name for name, _ in events]
    assert names[0] == "message_start" and names[-2:] == ["message_delta", "message_stop"]
    assert names.count("message_start") == 1 and opened == []
    return events


def blocks(events: list[NamedEvent]) -> Iterator[tuple[str, str]]:
    """The content of each block: its text, or its tool's id and arguments."""
    pieces: dict[int, list[str]] = {}
    kinds: dict[int, str] = {}
    for name, data in events:
        if name == "content_block_start":
            kinds[data["index"]] = data["content_block"].get("id", "text")
            pieces[data["index"]] = []
        elif name == "content_block_delta":
            pieces[data["index"]].append(data["delta"].get("text") or data["delta"].get("partial_json"))
    for index, texts in pieces.items():
        yield kinds[index], "".join(texts)


def test_a_text_streams_piece_by_piece() -> None:
    shape = MessageEvents("auto")
    first = shape.feed(chunk(role="assistant", content=""))
    assert [name for name, _ in first] == ["message_start"]
    assert first[0][1]["message"]["id"] == "msg_7"
    assert [name for name, _ in shape.feed(chunk(content="Pa"))] == [
        "content_block_start",
        "content_block_delta",
    ]
    assert [data["delta"]["text"] for _, data in shape.feed(chunk(content="ris"))] == ["ris"]
    events = streamed(chunk(content="Pa"), chunk(content="ris"), chunk("stop"), END)
    assert list(blocks(events)) == [("text", "Paris")]
    delta = events[-2][1]
    assert (delta["delta"]["stop_reason"], delta["usage"]) == ("end_turn", TOLD)


def test_pieces_of_other_choices_are_left_out() -> None:
    other = chunk(content="Rome.")
    other["choices"][0]["index"] = 1
    assert list(blocks(streamed(other, chunk(content="Paris."), chunk("stop")))) == [("text", "Paris.")]


def test_a_whole_answer_may_number_its_only_choice_otherwise() -> None:
    message = {"role": "assistant", "content": "Paris."}
    converted = to_message({"choices": [{"index": 1, "message": message, "finish_reason": "stop"}]}, "m")
    assert converted["content"] == [{"type": "text", "text": "Paris."}]


def test_a_text_then_tools_one_after_the_other() -> None:
    events = streamed(
        chunk(content="I look."),
        chunk(tool_calls=[call("", index=0)]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"city":'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '"Bonn"}'}}]),
        chunk(tool_calls=[call('{"city":"Ulm"}', "c2", 1)]),
        chunk("tool_calls"),
        END,
    )
    assert list(blocks(events)) == [("text", "I look."), ("c1", '{"city":"Bonn"}'), ("c2", '{"city":"Ulm"}')]
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"


def test_interleaved_pieces_of_several_tools_are_separated() -> None:
    events = streamed(
        chunk(tool_calls=[call('{"a":', "c1", 0), call('{"b":', "c2", 1)]),
        chunk(tool_calls=[{"index": 1, "function": {"arguments": "2}"}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
        chunk(content="Done."),
        chunk("tool_calls"),
    )
    assert list(blocks(events)) == [("c1", '{"a":1}'), ("c2", '{"b":2}'), ("text", "Done.")]


def test_text_around_a_call_is_two_blocks() -> None:
    events = streamed(
        chunk(content="A"), chunk(tool_calls=[call("{}", "c1", 0)]), chunk(content="B"), chunk("stop")
    )
    assert list(blocks(events)) == [("text", "A"), ("c1", "{}"), ("text", "B")]


def test_a_call_whose_name_comes_late_is_whole_at_the_end() -> None:
    events = streamed(
        chunk(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        chunk(tool_calls=[call("{}", "c2", 1)]),
        chunk(tool_calls=[call("}", "c1", 0)]),
        chunk("tool_calls"),
    )
    assert list(blocks(events)) == [("c1", "{}"), ("c2", "{}")]


def test_an_answer_without_pieces_ends_properly_with_what_is_known_of_it() -> None:
    shape = MessageEvents("auto")
    events = checked(shape.end(completion("length", content="x")))
    assert events[-2][1]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2][1]["usage"] == TOLD


def test_the_sdk_puts_a_stream_together() -> None:
    calls = chunk(tool_calls=[call('{"city":"Bonn"}', "c1", 0)])
    events = streamed(chunk(content="I look."), calls, chunk("tool_calls"), END)
    lines = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=lines.encode())
    transport = httpx2.MockTransport(lambda _: answer)
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="k", http_client=http) as client,
        client.messages.stream(
            model="auto", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as stream,
    ):
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"city": "Bonn"}
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 12)
    assert message.usage.input_tokens == 10


SIGNED = {"type": "thinking", "thinking": "hm", "signature": "s"}
HIDDEN = {"type": "redacted_thinking", "data": "x"}


def test_thoughts_come_first_where_their_provider_signed_them() -> None:
    odd: list[Any] = [None, {"type": "thinking", "thinking": "no signature"}, {"type": "image"}]
    thoughts = [{"index": 7, **SIGNED}, *odd, HIDDEN]
    message = to_message(completion(content="Yes", reasoning_content="hm", thinking_blocks=thoughts), "m")
    assert message["content"] == [SIGNED, HIDDEN, {"type": "text", "text": "Yes"}]
    assert [block.type for block in read(message).content] == ["thinking", "redacted_thinking", "text"]
    unsigned = to_message(completion(content="Yes", reasoning_content="hm"), "m")
    assert [block["type"] for block in unsigned["content"]] == ["text"]


def test_cached_tokens_are_reported_separately() -> None:
    details = {"cached_tokens": 20, "cache_write_tokens": 6, "cache_write_1h_tokens": 4}
    message = to_message(completion(usage={**USAGE, "prompt_tokens_details": details}, content="x"), "m")
    usage = read(message).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (
        4,
        20,
        6,
    )
    assert usage.cache_creation.model_dump() == {
        "ephemeral_5m_input_tokens": 2,
        "ephemeral_1h_input_tokens": 4,
    }


def test_the_id_comes_from_the_provider() -> None:
    for id in ("chatcmpl-7", "msg_7", "7"):
        assert to_message({**completion(content="x"), "id": id}, "m")["id"] == "msg_7"


def test_alternating_thinking_and_text_are_separate_blocks() -> None:
    def thought(index: int, **more: str) -> Json:
        return chunk(thinking_blocks=[{"index": index, **more}])

    events = streamed(
        thought(0, type="thinking", thinking="a"),
        thought(0, signature="s"),
        chunk(content="I look."),
        thought(1, type="thinking", thinking="b"),
        chunk(reasoning_content="of another kind"),
        thought(1, signature="t"),
        thought(2, type="redacted_thinking", data="x"),
        thought(3, thinking="of nobody"),
        chunk(content="Done.", thinking_blocks="odd"),
        chunk(tool_calls=[call("{}", index=0)]),
        chunk("tool_calls"),
    )
    begun = [data["content_block"]["type"] for name, data in events if name == "content_block_start"]
    assert begun == ["thinking", "text", "thinking", "redacted_thinking", "text", "tool_use"]
    deltas = [data["delta"] for name, data in events if name == "content_block_delta"]
    assert [delta["signature"] for delta in deltas if delta["type"] == "signature_delta"] == ["s", "t"]
