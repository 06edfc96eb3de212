"""How a body with status 200 is classified."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.worker.calls.answer import Answer, Reject, Retry
from pointsman.worker.providers.response import MAX_RAW_BYTES, read_answer
from pointsman.worker.providers.usage import MOST, believed, usage_of
from pointsman.worker.providers.wire_format import AnswerBody
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import NO_SECRETS
from pointsman_schemas.calls import Usage
from pointsman_schemas.reasons import FailReason

CHOICES = [{"message": {"role": "assistant", "content": "4"}}]


ROW = ProviderRow(name="acme", base_url="http://acme.test/v1")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(AnswerBody(ROW, {}, 200, content, NOW, MAX_RAW_BYTES, NO_SECRETS))


def test_an_answer_is_the_body_with_its_model_and_usage() -> None:
    body = {"model": "m-1", "choices": CHOICES, "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    assert read(body) == Answer(
        http_status=200, response=body, model="m-1", usage=Usage(input_tokens=3, output_tokens=1)
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "with a body that cannot be used: the value is empty"),
        (b'{"a":', "with a body that cannot be used: not JSON"),
        (b"\xff", "with a body that cannot be used: byte 0"),
        (b'"x"', "without an answer: x"),
        ({}, "choices is missing"),
        ({"choices": None}, "choices is missing"),
        ({"choices": []}, "choices is empty"),
        ({"choices": "none"}, "choices[0].message is missing"),
        ({"choices": [{"text": "4"}]}, "choices[0].message is missing"),
        ({"error": {"message": "upstream is down"}}, "without an answer: upstream is down"),
        ({"error": {"code": 1}}, "without an answer: an error"),
    ],
)
def test_unusable_answers_are_retried_and_reported(body: Any, expected: str) -> None:
    retry = read(body)
    assert isinstance(retry, Retry)
    assert retry.reason is FailReason.BAD_RESPONSE
    assert retry.message.startswith("acme answered 200 with")
    assert expected in retry.message
    assert not retry.unbilled


def test_an_answer_without_choices_keeps_what_was_billed() -> None:
    retry = read({"model": "m", "choices": [], "usage": {"prompt_tokens": 9}})
    assert isinstance(retry, Retry)
    assert (retry.model, retry.usage) == ("m", Usage(input_tokens=9, output_tokens=0))


@pytest.mark.parametrize("model", [None, 7, "", {}])
def test_a_missing_model_name_is_none(model: Any) -> None:
    assert read({"choices": CHOICES, "model": model}).model is None


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(input_tokens=5, output_tokens=2)),
        ({"prompt_tokens": 5}, Usage(input_tokens=5, output_tokens=0)),
        ({"prompt_tokens": 5, "completion_tokens": None}, Usage(input_tokens=5, output_tokens=0)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            Usage(input_tokens=5, output_tokens=2, cached_tokens=4),
        ),
        ({"prompt_tokens": 5, "prompt_tokens_details": None}, Usage(input_tokens=5, output_tokens=0)),
        ({"completion_tokens": 2}, None),
        ({"prompt_tokens": -5}, None),
        ({"prompt_tokens": 1.5}, None),
        ({"prompt_tokens": "many"}, None),
        ([], None),
        (None, None),
        # in others' names
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_cache_hit_tokens": 7,
                "prompt_cache_miss_tokens": 2,
            },
            Usage(input_tokens=9, output_tokens=1, cached_tokens=7),
        ),
        (
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 7, "prompt_tokens_details": {"cached_tokens": 7}},
            Usage(input_tokens=9, output_tokens=0, cached_tokens=7),
        ),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(input_tokens=9, output_tokens=0, cached_tokens=4)),
        (
            {"prompt_tokens": 9, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 3},
            Usage(input_tokens=9, output_tokens=0, cached_tokens=3, cache_write_tokens=5),
        ),
        (
            {"prompt_tokens": 1, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 3},
            Usage(input_tokens=9, output_tokens=0, cached_tokens=3, cache_write_tokens=5),
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation_input_tokens": 5,
                "cache_read_input_tokens": 3,
            },
            Usage(input_tokens=9, output_tokens=2, cached_tokens=3, cache_write_tokens=5),
        ),
        (
            {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 3}},
            Usage(input_tokens=9, output_tokens=2, cached_tokens=3),
        ),
        ({"prompt_tokens": 5.0}, Usage(input_tokens=5, output_tokens=0)),
        # what cannot be
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 10}}, None),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 10}, None),
        ({"prompt_tokens": 2**63, "completion_tokens": 1}, None),
        ({"prompt_tokens": 1, "completion_tokens": 10**40}, None),
        ({"prompt_tokens": MOST + 1}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": "5"}, None),
        ({"prompt_tokens": 5, "completion_tokens": "2"}, None),
        ({"prompt_tokens": 5, "completion_tokens": True}, None),
        ({"prompt_tokens": 5, "completion_tokens": -1}, None),
        ({"prompt_tokens": float("nan")}, None),
        ({"prompt_tokens": float("inf")}, None),
        ({"prompt_tokens": 1e300}, None),
        ({"prompt_tokens": 5, "cached_tokens": "4"}, None),
        ({"prompt_tokens": 5, "cached_tokens": -1}, None),
        ({"prompt_tokens": [5]}, None),
    ],
)
def test_usage_is_what_the_provider_counted_or_nothing(usage: Any, found: Usage | None) -> None:
    assert usage_of({"usage": usage}) == found


TEXT = {"messages": [{"role": "user", "content": "6*7?"}]}
PICTURE = {
    "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]
}


def told(tokens_in: int, tokens_out: int) -> Answer:
    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    return Answer(http_status=200, response={}, model="m", usage=usage)


@pytest.mark.parametrize(
    ("result", "request_", "is_believed"),
    [
        (told(100_000, 100), TEXT, True),
        (told(500_000, 100), TEXT, False),
        (told(100, 500_000), TEXT, False),
        (told(500_000, 100), {"messages": [{"role": "user", "content": "x" * 500_000}]}, True),
        (told(500_000, 100), PICTURE, True),
        (told(500_000, 100), {**TEXT, "tools": [{"type": "web_search"}]}, True),
        (told(500_000, 100), {**TEXT, "tools": [{"type": "function", "function": {}}]}, False),
        (told(100, 500_000), {**TEXT, "n": 8}, True),
    ],
)
def test_more_tokens_than_bytes_are_not_believed(
    result: Answer, request_: dict[str, Any], is_believed: bool
) -> None:
    assert believed(result, request_) == (result if is_believed else replace(result, usage=None))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "usage", "error", "model", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)  # a busy machine is no failure
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40))
def test_no_body_breaks_it(content: bytes) -> None:
    assert isinstance(read(content), Answer | Retry | Reject)
