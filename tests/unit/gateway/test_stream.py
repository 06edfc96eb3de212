"""What a client receives of a stream is always a beginning of the outcome, and finally all of it."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.anthropic.events import MessageEvents, NamedEvent
from pointsman.gateway.stream import ChatStream, DivergedError
from pointsman.worker.providers.streaming.completion_fold import CompletionFold
from pointsman_schemas.base import LAST, Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.ids import uuid7

JOB = UUID(int=7)
TOP: Json = {"id": "chatcmpl-1", "created": 1, "model": "m"}


def piece(call: int, index: int, *deltas: Json, finish: str | None = None) -> JobChunk:
    events = tuple(
        {**TOP, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta in deltas
    )
    return JobChunk(job_id=JOB, agent_id="app", call=UUID(int=call), index=index, events=events)


def completion(text: str | None, *calls: Json, usage: Json | None = None) -> Json:
    message: Json = {"role": "assistant", "content": text} | ({"tool_calls": list(calls)} if calls else {})
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {**TOP, "object": "chat.completion", "choices": [choice], "usage": usage}


def text_of(chunks: list[Json]) -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def finishes(chunks: list[Json]) -> list[str]:
    return [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]


def stream(*, include_usage: bool = False) -> ChatStream:
    return ChatStream(include_usage=include_usage)


@given(st.text(max_size=40), st.lists(st.integers(0, 40), max_size=6), st.sets(st.integers(0, 6)))
def test_the_whole_answer_is_sent_whatever_pieces_are_lost(
    text: str, cuts: list[int], lost: set[int]
) -> None:
    chat = stream()
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    sent: list[Json] = []
    for index, (begin, end) in enumerate(pairwise(bounds)):
        if index not in lost:
            sent += chat.feed(piece(1, index, {"content": text[begin:end]}))
            assert text.startswith(text_of(sent))
    sent += chat.end(completion(text))
    assert text_of(sent) == text
    assert finishes(sent) == ["stop"]


@given(st.text(max_size=30), st.integers(0, 30), st.lists(st.integers(0, 30), max_size=4))
def test_a_second_call_continues_where_the_first_stopped(text: str, broke: int, cuts: list[int]) -> None:
    chat = stream()
    sent = chat.feed(piece(1, 0, {"role": "assistant", "content": text[:broke]}))
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for index, (begin, end) in enumerate(pairwise(bounds)):
        sent += chat.feed(piece(2, index, {"content": text[begin:end]}))
        assert text.startswith(text_of(sent))
    sent += chat.end(completion(text))
    assert text_of(sent) == text


def test_a_duplicate_piece_is_sent_once() -> None:
    chat = stream()
    sent = chat.feed(piece(1, 0, {"content": "Ye"}))
    sent += chat.feed(piece(1, 0, {"content": "Ye"}))
    sent += chat.feed(piece(1, 1, {"content": "s"}))
    assert text_of(sent) == "Yes"
    assert text_of(sent + chat.end(completion("Yes"))) == "Yes"


def test_a_second_call_with_another_answer_breaks_the_stream() -> None:
    chat = stream()
    chat.feed(piece(1, 0, {"content": "The capital"}))
    with pytest.raises(DivergedError):
        chat.feed(piece(2, 0, {"content": "Paris"}))


def test_an_outcome_with_another_answer_breaks_the_stream() -> None:
    for other in ("Paris", "The", None):
        chat = stream()
        chat.feed(piece(1, 0, {"content": "The capital"}))
        with pytest.raises(DivergedError):
            chat.end(completion(other))


def test_a_finish_reason_waits_for_the_outcome() -> None:
    chat = stream()
    sent = chat.feed(piece(1, 0, {"content": "Yes"}, finish="length"))
    assert finishes(sent) == []
    assert finishes(chat.end(completion("Yes"))) == ["stop"]


def test_the_usage_is_last_if_requested() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    made = stream(include_usage=True).end(completion("Yes", usage=usage))
    assert made[-1]["usage"] == usage
    assert made[-1]["choices"] == []
    assert all(chunk["usage"] is None for chunk in made[:-1])
    assert all("usage" not in chunk for chunk in stream().end(completion("Yes", usage=usage)))


CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}}


def test_an_interrupted_tool_call_is_completed() -> None:
    chat = stream()
    begun = {**CALL, "index": 0, "function": {"name": "weather", "arguments": '{"a"'}}
    sent = chat.feed(piece(1, 0, {"role": "assistant", "content": None, "tool_calls": [begun]}))
    sent += chat.end(completion(None, CALL))
    deltas = [c["delta"] for chunk in sent for c in chunk["choices"] if "tool_calls" in c["delta"]]
    calls = [call for delta in deltas for call in delta["tool_calls"]]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a": 1}'
    assert [call.get("id") for call in calls] == ["call_1", None]


def test_an_interrupted_custom_tool_call_is_completed() -> None:
    call: Json = {"id": "c0", "type": "custom", "custom": {"name": "patch", "input": "aab"}}
    begun = {"index": 0, **call, "custom": {"name": "patch", "input": "a"}}
    for pieces in ([begun], []):
        chat, fold = stream(), CompletionFold()
        sent = chat.feed(piece(1, 0, {"role": "assistant", "tool_calls": pieces}))
        for chunk in [*sent, *chat.end(completion(None, call))]:
            fold.add(chunk)
        (made,) = fold.body()["choices"][0]["message"]["tool_calls"]
        assert made == call


def test_a_tool_call_without_pieces_is_sent_whole() -> None:
    chat = stream()
    chat.feed(piece(1, 0, {"role": "assistant", "tool_calls": [{**CALL, "index": 0}]}))
    other = {**CALL, "id": "call_2", "function": {"name": "time", "arguments": ""}}
    made = chat.end(completion(None, CALL, other))
    (call,) = made[0]["choices"][0]["delta"]["tool_calls"]
    assert (call["index"], call["id"], call["function"]) == (1, "call_2", {"name": "time", "arguments": ""})


def test_an_answer_without_pieces_is_one_chunk_with_all_of_its_message() -> None:
    whole = completion("Yes", CALL)
    whole["choices"][0]["message"]["annotations"] = [{"type": "url_citation"}]
    first, last = stream().end(whole)
    assert first["choices"][0]["delta"] == {
        **whole["choices"][0]["message"],
        "tool_calls": [{"index": 0, **CALL}],
    }
    assert last["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"choices": None},
        {"choices": [None, 3]},
        {"choices": [{"delta": 3}]},
        {"choices": [{"index": "x"}]},
    ],
)
def test_invalid_pieces_are_skipped(event: Json) -> None:
    chat = stream()
    chunk = JobChunk(job_id=JOB, agent_id="app", call=uuid7(LAST), index=0, events=(event,))
    assert text_of(chat.feed(chunk)) == ""
    assert text_of(chat.end(completion("Yes"))) == "Yes"


THOUGHTS: list[Json] = [
    {"type": "thinking", "thinking": "wind or rain", "signature": "s1"},
    {"type": "redacted_thinking", "data": "secret"},
    {"type": "thinking", "thinking": "rain", "signature": "s2"},
]


def thought_pieces() -> list[Json]:
    """Pieces as the adapter makes them: start, texts, signature; redacted blocks are whole."""
    deltas: list[Json] = []
    for index, thought in enumerate(THOUGHTS):
        if thought["type"] == "redacted_thinking":
            deltas.append({"thinking_blocks": [{"index": index, **thought}]})
            continue
        deltas.append({"thinking_blocks": [{"index": index, "type": "thinking", "thinking": ""}]})
        for part in thought["thinking"].split(" "):
            words = part if thought["thinking"].startswith(part) else f" {part}"
            block = {"index": index, "thinking": words}
            deltas.append({"reasoning_content": words, "thinking_blocks": [block]})
        deltas.append({"thinking_blocks": [{"index": index, "signature": thought["signature"]}]})
    return [*deltas, {"content": "It "}, {"content": "rains"}]


@given(st.sets(st.integers(0, 10)), st.integers(0, 11))
def test_thinking_blocks_are_complete_and_signed_before_the_text(lost: set[int], broke: int) -> None:
    """Whichever pieces of the first call are lost, and wherever a second call replaces it."""
    chat = stream()
    deltas, sent = thought_pieces(), list[Json]()
    for index, delta in enumerate(deltas[:broke]):
        if index not in lost:
            sent += chat.feed(piece(1, index, delta))
    for index, delta in enumerate(deltas):
        sent += chat.feed(piece(2, index, delta))
    whole = completion("It rains")
    reasoning = "".join(thought.get("thinking", "") for thought in THOUGHTS)
    whole["choices"][0]["message"] |= {"reasoning_content": reasoning, "thinking_blocks": THOUGHTS}
    sent += chat.end(whole)
    assert text_of(sent) == "It rains"
    fold, shape = CompletionFold(), MessageEvents()
    for chunk in sent:
        fold.add(chunk)
    message = fold.body()["choices"][0]["message"]
    assert (message["reasoning_content"], message["thinking_blocks"]) == (reasoning, THOUGHTS)
    events = [event for chunk in sent for event in shape.feed(chunk)] + shape.end(whole)
    assert list(blocks_of(events)) == [*THOUGHTS, {"type": "text", "text": "It rains"}]


def blocks_of(events: list[NamedEvent]) -> Iterator[Json]:
    """The blocks that a client assembles; each ends before the next begins."""
    block: Json = {}
    for name, event in events:
        match name:
            case "content_block_start":
                assert not block
                block = dict(event["content_block"])
            case "content_block_delta":
                for field, text in event["delta"].items():
                    if field not in ("type", "partial_json"):
                        block[field] += text
            case "content_block_stop":
                yield block
                block = {}


def test_a_call_of_another_call_begins_with_its_name() -> None:
    function: Json = {"name": "f", "arguments": ""}
    begun = {"index": 0, "id": "c", "type": "function", "function": function}
    chat = stream()
    sent = chat.feed(piece(1, 0, {"content": "I look."}))
    sent += chat.feed(piece(2, 0, {"content": "I look."}, {"tool_calls": [begun]}))
    sent += chat.feed(piece(2, 1, {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}))
    call = {**begun, "function": {**function, "arguments": "{}"}}
    del call["index"]
    sent += chat.end(completion("I look.", call))
    fold = CompletionFold()
    for chunk in sent:
        fold.add(chunk)
    assert fold.body()["choices"][0]["message"]["tool_calls"] == [call]


@pytest.mark.parametrize("number", [{"index": 0}, {}, {"index": None}, {"index": 3}])
def test_calls_that_a_provider_does_not_number_are_as_in_the_whole_answer(number: Json) -> None:
    """The worker numbers them before it passes them on."""

    def call(id: str, arguments: str) -> Json:
        function = {"name": "f", "arguments": arguments}
        return {**number, "id": id, "type": "function", "function": function}

    deltas: list[Json] = [
        {"tool_calls": [call("a", '{"x":')]},
        {"tool_calls": [{**number, "function": {"arguments": "1}"}}]},
        {"tool_calls": [call("b", "{}"), call("c", "{}")]},
    ]
    fold, again, chat, shape = CompletionFold(), CompletionFold(), stream(), MessageEvents()
    chunk = piece(1, 0, *deltas)
    for event in chunk.events:
        fold.add(event)
    fold.add({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    sent = [*chat.feed(chunk), *chat.end(fold.body())]
    for event in sent:
        again.add(event)
    calls = again.body()["choices"][0]["message"]["tool_calls"]
    assert calls == fold.body()["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [
        ("a", '{"x":1}'), ("b", "{}"), ("c", "{}")
    ]  # fmt: skip
    events = [event for chunk in sent for event in shape.feed(chunk)] + shape.end(fold.body())
    assert [block["id"] for block in blocks_of(events)] == ["a", "b", "c"]


def test_another_call_of_a_tool_under_the_same_number_is_another_answer() -> None:
    """Tool results refer to the call's id."""

    def call(id: str) -> Json:
        return {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}

    for end in (False, True):
        chat = stream()
        chat.feed(piece(1, 0, {"tool_calls": [{"index": 0, **call("a")}]}))
        with pytest.raises(DivergedError):
            if end:
                chat.end(completion(None, call("b")))
            else:
                chat.feed(piece(2, 0, {"tool_calls": [{"index": 0, **call("b")}]}))
