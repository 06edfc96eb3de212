"""Streamed events add up to the body of the same answer without streaming."""

from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pointsman.worker.providers.streaming.completion_fold import CompletionFold

TOP = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m-1"}


def folded(*chunks: dict[str, Any]) -> Any:
    fold = CompletionFold()
    for chunk in chunks:
        fold.add(chunk)
    return fold.body()


def chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None, **choice: Any) -> dict[str, Any]:
    return TOP | {"choices": [{"index": index, "delta": delta, "finish_reason": finish, **choice}]}


def message(*deltas: dict[str, Any]) -> Any:
    """The message of the only choice."""
    body = folded(*map(chunk, deltas))
    return body["choices"][0]["message"]


def in_parts(text: str, cuts: list[int]) -> list[str]:
    at = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[begin:end] for begin, end in pairwise(at)]


cuts = st.lists(st.integers(0, 1000), max_size=8)


@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=4), cuts=cuts, order=st.randoms())
def test_texts_of_several_choices_are_put_together_whatever_the_pieces(
    texts: list[str], cuts: list[int], order: Any
) -> None:
    left = [
        [
            chunk({"role": "assistant", "content": ""}, index),
            *(chunk({"content": part}, index) for part in in_parts(text, cuts)),
            chunk({}, index, "stop"),
        ]
        for index, text in enumerate(texts)
    ]
    mixed = []
    while any(left):
        mixed.append(order.choice([chunks for chunks in left if chunks]).pop(0))
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    body = folded(*mixed, TOP | {"choices": [], "usage": usage})
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for index, text in enumerate(texts)
    ]
    assert body == {**TOP, "object": "chat.completion", "choices": choices, "usage": usage}


@given(arguments=st.lists(st.text(max_size=20), min_size=1, max_size=4), cuts=cuts, order=st.randoms())
def test_calls_of_tools_are_put_together_by_their_index_in_the_order_in_which_they_begin(
    arguments: list[str], cuts: list[int], order: Any
) -> None:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    begun = order.sample(range(len(arguments)), len(arguments))
    for index in begun:
        function = {"name": f"f{index}", "arguments": ""}
        first = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        deltas.append({"tool_calls": [first]})
    for index, text in reversed(list(enumerate(arguments))):
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
            for part in in_parts(text, cuts)
        ]
    assert message(*deltas) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{index}",
                "type": "function",
                "function": {"name": f"f{index}", "arguments": arguments[index]},
            }
            for index in begun
        ],
    }


@given(tokens=st.lists(st.text(max_size=3), max_size=9), width=st.integers(1, 4))
def test_lists_of_probabilities_go_on(tokens: list[str], width: int) -> None:
    entries: list[dict[str, Any]] = [
        {"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []} for token in tokens
    ]
    groups = [entries[at : at + width] for at in range(0, len(entries), width)]
    body = folded(
        chunk({"content": ""}, logprobs=None),
        *(chunk({}, logprobs={"content": group, "refusal": None}) for group in groups),
        chunk({}, finish="stop", logprobs=None),
    )
    assert body["choices"][0]["logprobs"] == ({"content": entries, "refusal": None} if entries else None)


def test_calls_that_are_numbered_alike_or_not_at_all_stay_apart() -> None:
    """Some providers number all their calls 0, others do not number them."""
    for number in ({"index": 0}, {}):
        calls: list[dict[str, Any]] = [
            {**number, "id": name, "function": {"name": name, "arguments": "{}"}} for name in "ab"
        ]
        goes_on: dict[str, Any] = {**number, "function": {"arguments": "!"}}
        assert message({"tool_calls": calls}, {"tool_calls": [goes_on]})["tool_calls"] == [
            {"id": "a", "function": {"name": "a", "arguments": "{}"}},
            {"id": "b", "function": {"name": "b", "arguments": "{}!"}},
        ]


def test_names_that_come_again_are_the_same_and_those_in_parts_are_put_together() -> None:
    first = {"index": 0, "id": "c", "type": "function", "function": {"name": "get_", "arguments": ""}}
    again = {"index": 0, "id": "c", "type": "function", "function": {"name": "weather", "arguments": "{"}}
    last = {"index": 0, "id": "", "type": "function", "function": {"name": "", "arguments": "}"}}
    merged = message(*({"role": "assistant", "tool_calls": [call]} for call in (first, again, last)))
    assert merged["role"] == "assistant"
    assert merged["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    ]


def test_what_else_a_message_has_is_kept() -> None:
    merged = message(
        {"role": "assistant", "content": "", "refusal": None, "reasoning": "I ", "novel": "a"},
        {"reasoning": "think", "reasoning_content": "so", "function_call": {"name": "f", "arguments": "{"}},
        {"refusal": "no", "function_call": {"arguments": "}"}, "novel": "b", "depth": 1},
        {"audio": {"id": "a", "data": "AA"}, "depth": 2, "annotations": [{"url": "x"}]},
        {"audio": {"data": "BB", "expires_at": 9}, "annotations": [{"url": "y"}]},
        {"reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "x"}]},
        {"reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "y"}, {"index": 1}]},
    )
    assert merged == {
        "role": "assistant",
        "content": "",
        "refusal": "no",
        "reasoning": "I think",
        "reasoning_content": "so",
        "novel": "ab",
        "function_call": {"name": "f", "arguments": "{}"},
        "depth": 2,
        "audio": {"id": "a", "data": "AABB", "expires_at": 9},
        "annotations": [{"url": "x"}, {"url": "y"}],
        "reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "xy"}, {"index": 1}],
    }


def test_content_in_parts_goes_on_as_a_text() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    assert message({"content": ""}, {"content": [thought]}, {"content": "a"}, {"content": "b"}) == {
        "content": [thought, {"type": "text", "text": "ab"}]
    }


def test_of_the_rest_the_last_value_that_says_something_counts() -> None:
    body = folded(
        {"id": "", "created": 0, "model": "", "prompt_filter_results": [1], "choices": [], "usage": None},
        chunk({"content": "a"}, system_fingerprint="fp", stop_reason=None) | {"obfuscation": "xyz"},
        TOP | {"choices": [], "usage": {"prompt_tokens": 1}, "service_tier": "default"},
        TOP | {"choices": [], "usage": None},
    )
    choice = {
        "index": 0,
        "message": {"content": "a"},
        "logprobs": None,
        "finish_reason": None,
        "system_fingerprint": "fp",
        "stop_reason": None,
    }
    assert body == {
        **TOP,
        "object": "chat.completion",
        "prompt_filter_results": [1],
        "choices": [choice],
        "usage": {"prompt_tokens": 1},
        "service_tier": "default",
    }


def test_it_is_whole_once_each_choice_has_ended() -> None:
    fold = CompletionFold()
    assert not fold.is_whole
    for part, whole in (
        (chunk({}, 0), False),
        (chunk({}, 0, "stop"), True),
        (chunk({}, 1, ""), False),
        (chunk({}, 1, "length"), True),
    ):
        fold.add(part)
        assert fold.is_whole is whole


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "content",
                        "tool_calls",
                        "index",
                        "id",
                        "function",
                        "name",
                        "arguments",
                        "logprobs",
                        "text",
                        "x",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
)
def test_whatever_comes_it_does_not_fail_and_its_size_is_about_right(value: Any) -> None:
    fold = CompletionFold()
    chunks = [
        value if isinstance(value, dict) else {"x": value},
        {"choices": value},
        {"choices": [value, {"delta": value, "logprobs": value, "finish_reason": value}]},
        chunk(value if isinstance(value, dict) else {"content": value}),
    ]
    for part in [*chunks, *chunks]:
        fold.add(part)
    body = orjson.dumps(fold.body())
    assert len(body) <= 6 * fold.size + 200


def test_its_size_does_not_grow_with_what_is_said_again() -> None:
    fold = CompletionFold()
    fold.add(TOP | {"choices": [], "usage": {"prompt_tokens": 1}})
    before = fold.size
    for number in range(100):
        fold.add(TOP | {"choices": [], "usage": {"prompt_tokens": number}})
    assert fold.size <= before + 2
    fold.add(chunk({"content": "x" * 1000}))
    assert before + 1000 < fold.size < before + 1400
