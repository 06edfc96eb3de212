"""Valid and invalid chat requests."""

from typing import Any

from hypothesis import strategies as st

#: Parameters that only OpenAI's format supports.
REFUSED: dict[str, Any] = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "audio": {"voice": "alloy", "format": "wav"},
    "modalities": ["text", "audio"],
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {"search_context_size": "low"},
    "functions": [{"name": "f"}],
    "verbosity": "low",
    "of_tomorrow": 1,
}

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e300, 1e300) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_PART = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, _TEXT),
    st.builds(lambda text: {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}, _TEXT),
    st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}),
    st.just({"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}),
    st.just({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}),
    st.builds(lambda kind, value: {"type": kind, kind: value}, _TEXT, _JSON),
    _JSON,
)
_CONTENT = st.none() | _TEXT | st.lists(_PART, max_size=3) | _JSON
_CALL = st.builds(
    lambda id, name, arguments: {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    _TEXT,
    _TEXT,
    st.sampled_from(['{"a":1}', "{}", "", "[", "null", '{"a":', '{"a":' * 80 + "1" + "}" * 80]) | _JSON,
)
_MESSAGE = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"]),
        _CONTENT,
    ),
    st.builds(
        lambda content, calls: {"role": "assistant", "content": content, "tool_calls": calls},
        _CONTENT,
        st.lists(_CALL, max_size=2) | _JSON,
    ),
    st.builds(lambda id, content: {"role": "tool", "tool_call_id": id, "content": content}, _TEXT, _CONTENT),
    st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "thinking_blocks"]), _JSON),
)
_TOOL = st.one_of(
    st.builds(
        lambda name, parameters: {"type": "function", "function": {"name": name, "parameters": parameters}},
        _TEXT,
        _JSON,
    ),
    _JSON,
)
_NAMES = [
    *REFUSED, "temperature", "top_p", "top_k", "stop", "seed", "tool_choice", "parallel_tool_calls", "user",
    "response_format", "reasoning_effort", "thinking", "service_tier", "max_tokens", "max_completion_tokens",
    "metadata", "store", "frequency_penalty", "presence_penalty", "stream", "function_call",
]  # fmt: skip
_VALUES = st.one_of(
    _JSON,
    st.sampled_from([0, 1, 0.5, 2, "auto", "none", "required", "low", "high", True, False, ["a"], [], {}]),
    st.just({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}),
    st.just({"type": "function", "function": {"name": "f"}}),
)


@st.composite
def chat_requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request with a model and random messages."""
    request: dict[str, Any] = {
        "model": draw(st.just("m") | _TEXT),
        "messages": draw(st.lists(_MESSAGE, min_size=1, max_size=4) | _JSON),
    }
    if draw(st.booleans()):
        request["tools"] = draw(st.lists(_TOOL, max_size=2) | _JSON)
    return request | draw(st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=2))
