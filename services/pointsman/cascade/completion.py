"""Reads an answer in the OpenAI chat shape, and its flaws; pure."""

import json
from dataclasses import dataclass
from math import fsum, isfinite
from typing import assert_never

from pointsman.cascade.declined import declines
from pointsman.cascade.ends import End, end_of
from pointsman.score.text import text_of
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import ChatMessage, ChatRequest
from pointsman_schemas.reasons import StepReason

#: Characters kept of a provider's finish reason.
_LONGEST_FINISH = 64


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `end`: how it ended, from the provider's `finish` reason.

    `logprob`: mean natural logarithm of the tokens' probabilities; None if not reported.
    """

    text: str
    finish: str
    end: End
    calls_tools: bool
    refusal: bool
    logprob: float | None

    @property
    def tokens(self) -> float:
        """Characters / 4, as in the accept model's training, whatever the provider counts."""
        return len(self.text) / 4


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an answer can never be accepted."""

    reason: StepReason
    detail: str


def read_completion(response: Json) -> Completion:
    """Read the first choice of a chat completion."""
    choice = response["choices"][0]
    message = choice["message"]
    return Completion(
        _text(message.get("content")),
        str(choice.get("finish_reason"))[:_LONGEST_FINISH],
        end_of(choice.get("finish_reason")),
        bool(message.get("tool_calls") or message.get("function_call")),
        bool(message.get("refusal")),
        _logprob(choice.get("logprobs")),
    )


def flaw_of(answer: Completion, request: ChatRequest) -> Flaw | None:
    """Return why `answer` is not a usable answer to `request`; None if it is."""
    if answer.refusal or declines(answer.text):
        return Flaw(StepReason.REFUSED, "the model declined to answer")
    match answer.end:
        case End.FILTERED:
            return Flaw(
                StepReason.REFUSED, f"the provider's content filter cut the answer off ({answer.finish})"
            )
        case End.CUT_OFF | End.ERROR:
            return Flaw(StepReason.CUT_OFF, f"the answer is not whole: finish_reason is {answer.finish}")
        case End.STOPPED | End.TOOLS | End.UNKNOWN:
            pass
        case _:
            assert_never(answer.end)
    if not answer.text.strip() and not answer.calls_tools:
        return Flaw(StepReason.EMPTY, "the answer is empty")
    if not answer.calls_tools and _demands_json(request) and not _is_json(answer.text):
        return Flaw(StepReason.NOT_JSON, "the request demands JSON, and the answer is none")
    return None


def _text(content: object) -> str:
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        return text_of([ChatMessage(role="assistant", content=parts)])
    return content if isinstance(content, str) else ""


def _demands_json(request: ChatRequest) -> bool:
    form = (request.__pydantic_extra__ or {}).get("response_format")
    return isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _logprob(logprobs: object) -> float | None:
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list) or not entries:
        return None
    values = [entry.get("logprob") if isinstance(entry, dict) else None for entry in entries]
    scalars = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    try:
        numbers = [float(value) for value in scalars]
        mean = fsum(numbers) / len(entries)
    except OverflowError:  # a huge integer, or a sum out of range
        return None
    usable = len(scalars) == len(entries) and all(isfinite(number) and number <= 0 for number in numbers)
    return mean if usable else None
