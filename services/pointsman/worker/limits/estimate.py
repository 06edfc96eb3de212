"""Estimates the tokens of a call from the request as sent, before the call; pure."""

from collections import deque
from math import ceil
from statistics import mean, median_low
from typing import Any

from pointsman.worker.limits.content import content_of
from pointsman_schemas.base import Json

#: Average bytes of UTF-8 per token; the tokens assumed for an answer before any was seen.
BYTES_PER_TOKEN = 4
FIRST_GUESS = 256
#: The number of answers remembered. It begins with copies of the first guess, to damp the first answers.
_KEPT, _GUESSES = 9, 5


class AnswerLength:
    """Expected tokens of an answer: the median of those seen, or the used share of what a request allows."""

    def __init__(self) -> None:
        self._seen = deque([FIRST_GUESS] * _GUESSES, _KEPT)
        self._shares: deque[float] = deque(maxlen=_KEPT)

    def saw(self, tokens: int, request: Json | None = None) -> None:
        """Record the tokens of the answer to `request`."""
        request = request or {}
        most = most_answer_tokens(request)
        if most is None:
            self._seen.append(tokens // answers(request))
        else:
            self._shares.append(min(1.0, tokens / most))

    def expected(self, request: Json) -> int:
        """Return the expected tokens of the answer to `request`."""
        most = most_answer_tokens(request)
        if most is None:
            return median_low(self._seen) * answers(request)
        return ceil(most * mean(self._shares)) if self._shares else most


def most_answer_tokens(request: Json) -> int | None:
    """Return the request's bound on all its answers together; None if it sets none."""
    for name in ("max_completion_tokens", "max_tokens"):
        most = request.get(name)
        if isinstance(most, int) and most > 0:
            return most * answers(request)
    return None


def prompt_tokens(request: Json, model: str = "") -> int:
    """Estimate the tokens of the prompt."""
    return size(request, model) // BYTES_PER_TOKEN


def most_prompt_tokens(request: Json, model: str = "") -> int:
    """Return an upper bound on the tokens of the prompt: a token of text has at least one byte."""
    content = content_of(request, model)
    return content.text + content.media


def call_tokens(prompt: int, answer: int, budget: int) -> int:
    """Return the tokens to reserve.

    The answer's part is cut to the budget, or the call could never be made.
    """
    return prompt + min(answer, max(0, budget - prompt))


def size(request: Json, model: str = "") -> int:
    """Return the bytes of the request's text, plus its media's tokens converted to bytes."""
    content = content_of(request, model)
    return content.text + content.media * BYTES_PER_TOKEN


def answers(request: Json) -> int:
    """Return how many answers are requested."""
    choices: Any = request.get("n")
    return choices if isinstance(choices, int) and choices > 0 else 1
