"""Finish reasons of each provider; an unknown one does not count as a flaw."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.cascade.completion import flaw_of, read_completion
from pointsman.cascade.ends import End, end_of
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.reasons import StepReason

REQUEST = ChatRequest.model_validate({"messages": [{"role": "user", "content": "6*7?"}]})
WHOLE = (
    "stop",
    "eos",
    "eos_token",
    "stop_sequence",
    "STOP",
    "end_turn",
    "COMPLETE",
    None,
    "",
    "FINISH",
    "End-Turn",
)
TOOLS = ("tool_calls", "function_call", "tool_use", "TOOL_CALL")
CUT_OFF = (
    "length",
    "max_tokens",
    "MAX_TOKENS",
    "model_length",
    "token_limit",
    "ERROR_LIMIT",
    "abort",
    "pause_turn",
)
FILTERED = (
    "content_filter",
    "SAFETY",
    "RECITATION",
    "guardrail_intervened",
    "refusal",
    "sensitive",
    "ERROR_TOXIC",
)
FAILED = ("error", "ERROR", "MALFORMED_FUNCTION_CALL", "network_error", "insufficient_system_resource")


def flaw(finish: object, text: str = "42") -> StepReason | None:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    defect = flaw_of(read_completion({"choices": [choice]}), REQUEST)
    return None if defect is None else defect.reason


@pytest.mark.parametrize(
    "finish", [*WHOLE, *TOOLS, "FINISH_REASON_STOP", "finish_reason_unspecified", "klar", 7, {}]
)
def test_a_complete_answer_is_accepted(finish: object) -> None:
    assert flaw(finish) is None


@pytest.mark.parametrize("finish", [*CUT_OFF, *FAILED])
def test_a_truncated_answer_is_not_accepted(finish: str) -> None:
    assert flaw(finish) is StepReason.CUT_OFF


@pytest.mark.parametrize("finish", FILTERED)
def test_a_filters_answer_is_a_refusal(finish: str) -> None:
    assert flaw(finish) is StepReason.REFUSED


def test_an_unknown_finish_reason_does_not_make_an_empty_answer_valid() -> None:
    assert flaw(None, " ") is StepReason.EMPTY


@given(st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text()))
def test_every_word_is_in_the_closed_vocabulary(reason: object) -> None:
    assert end_of(reason) in End


def test_long_finish_reasons_are_truncated() -> None:
    choice = {"message": {"content": "42"}, "finish_reason": "x" * 100_000}
    assert len(json.dumps(read_completion({"choices": [choice]}).finish)) < 100
