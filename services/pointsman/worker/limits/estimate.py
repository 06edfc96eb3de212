"""Estimates the tokens of a call before it is made: pure, from the request as sent."""

from collections import deque
from math import ceil
from statistics import mean, median_low
from typing import Any

from pointsman.worker.limits.content import content_of
from pointsman_schemas.base import Json

#: Bytes of UTF-8 to a token, on average; what an answer takes before any was seen.
BYTES_PER_TOKEN = 4
FIRST_GUESS = 256
#: So many answers are kept in mind; the first guess stands for a few, so that one answer does not decide.
_KEPT, _GUESSES = 9, 5


class AnswerLength:
    """Expected tokens of an answer: the median of those seen, or the used share of what a request allows."""

    def __init__(self) -> None:
        self._seen = deque([FIRST_GUESS] * _GUESSES, _KEPT)
        self._shares: deque[float] = deque(maxlen=_KEPT)

    def saw(self, tokens: int, request: Json | None = None) -> None:
        """An answer came to `request`."""
        request = request or {}
        most = most_answer_tokens(request)
        if most is None:
            self._seen.append(tokens // answers(request))
        else:
            self._shares.append(min(1.0, tokens / most))

    def expected(self, request: Json) -> int:
        """Tokens that the answer to `request` may take."""
        most = most_answer_tokens(request)
        if most is None:
            return median_low(self._seen) * answers(request)
        return ceil(most * mean(self._shares)) if self._shares else most


def most_answer_tokens(request: Json) -> int | None:
    """What the request allows its answers at most, all of them together; None where it sets no bound."""
    for name in ("max_completion_tokens", "max_tokens"):
        most = request.get(name)
        if isinstance(most, int) and most > 0:
            return most * answers(request)
    return None


def prompt_tokens(request: Json, model: str = "") -> int:
    """About what the request takes itself."""
    return size(request, model) // BYTES_PER_TOKEN


def most_prompt_tokens(request: Json, model: str = "") -> int:
    """More than the request takes itself: a token of text is never shorter than a byte."""
    content = content_of(request, model)
    return content.text + content.media


def call_tokens(prompt: int, answer: int, budget: int) -> int:
    """What to reserve: for an answer's sake never more than the whole budget, or nothing would be called."""
    return prompt + min(answer, max(0, budget - prompt))


def size(request: Json, model: str = "") -> int:
    """Bytes of the request's text, and as many as its media are worth by the rule of the model's provider."""
    content = content_of(request, model)
    return content.text + content.media * BYTES_PER_TOKEN


def answers(request: Json) -> int:
    """How many answers are asked for."""
    choices: Any = request.get("n")
    return choices if isinstance(choices, int) and choices > 0 else 1
