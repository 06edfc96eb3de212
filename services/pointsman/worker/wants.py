"""What a call reserves of the shared budgets, and what it came to: pure."""

from collections.abc import Mapping

from pointsman.worker.estimate import BYTES_PER_TOKEN, AnswerLength, size
from pointsman.worker.limits_file import Rate
from pointsman_schemas.base import Json
from pointsman_schemas.calls import Usage


class Wants:
    """The budgets that the calls of one target come under."""

    def __init__(self, target: str, rate: Rate | None) -> None:
        self._requests = f"{target} requests" if rate and rate.requests else None
        self._tokens = f"{target} tokens" if rate and rate.tokens else None
        self._answers = AnswerLength()

    def before(self, request: Json) -> dict[str, int]:
        """What to reserve; empty where nothing is limited."""
        wants = {}
        if self._requests:
            wants[self._requests] = 1
        if self._tokens:
            wants[self._tokens] = size(request) // BYTES_PER_TOKEN + self._answers.expected(request)
        return wants

    def after(self, usage: Usage | None) -> Mapping[str, int]:
        """What it came to, of the budgets where that differs from what was reserved."""
        if usage is None or not self._tokens:
            return {}
        self._answers.saw(usage.output_tokens)
        return {self._tokens: usage.input_tokens + usage.output_tokens}
