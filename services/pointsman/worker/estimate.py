"""How many tokens a call may take before it is made: pure, from the request as it is sent."""

from typing import Any

import orjson

from pointsman_schemas.base import Json

#: Bytes of UTF-8 to a token, on average; what an answer takes before any was seen.
BYTES_PER_TOKEN = 4
FIRST_GUESS = 256
#: How much of the mean each new answer is.
_WEIGHT = 0.1


class AnswerLength:
    """Tokens of an answer: what the request allows at most, else a running mean of those seen."""

    def __init__(self) -> None:
        self._mean = float(FIRST_GUESS)

    def saw(self, tokens: int) -> None:
        """An answer came."""
        self._mean += _WEIGHT * (tokens - self._mean)

    def expected(self, request: Json) -> int:
        """Tokens that the answer to `request` may take."""
        most = most_answer_tokens(request)
        return round(self._mean) * _answers(request) if most is None else most


def most_answer_tokens(request: Json) -> int | None:
    """What the request allows its answers at most, all of them together; None where it sets no bound."""
    for name in ("max_completion_tokens", "max_tokens"):
        most = request.get(name)
        if isinstance(most, int) and most > 0:
            return most * _answers(request)
    return None


def size(request: Json) -> int:
    """Bytes of the request: a token is never shorter than one, so more tokens of text there cannot be."""
    return len(orjson.dumps(request))


def _answers(request: Json) -> int:
    asked: Any = request.get("n")
    return asked if isinstance(asked, int) and asked > 0 else 1
