"""Read judged answers from JSON lines: `{"confidence": 0.97, "correct": true}`."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pointsman.confidence.calibrate import JudgedAnswer
from pointsman.runtime.errors import CommandError

#: A longer line is rejected unread.
MOST_CHARS = 10_000
_EXAMPLE = '{"confidence": 0.97, "correct": true}'


def judged_answers(text: str) -> Iterator[JudgedAnswer]:
    """Yield an answer for each line that is not empty. Decimals keep every digit.

    Raises:
        CommandError: a line is not a judged answer.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _judged(number, line)


def _judged(number: int, line: str) -> JudgedAnswer:
    try:
        answer = json.loads(line, parse_float=Decimal) if len(line) <= MOST_CHARS else None
    except (ValueError, RecursionError, InvalidOperation):
        answer = None
    if not isinstance(answer, dict) or "confidence" not in answer or type(answer.get("correct")) is not bool:
        raise CommandError(f"line {number} is not a judged answer", f"one line for each: {_EXAMPLE}")
    return JudgedAnswer(answer["confidence"], answer["correct"])
