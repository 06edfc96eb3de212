"""`stated`: what the answer says of itself, as the number `confidence` at the top of a JSON object."""

import json
from decimal import Decimal, InvalidOperation

from pointsman.cascade.completion import read_completion
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading, choices_of

#: Where it stands.
FIELD = "confidence"
#: A longer answer is not looked into.
MOST_CHARS = 1024 * 1024


class _Object(list[tuple[str, object]]):
    """A JSON object as its pairs: a name may be there twice."""


def read(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Of the first choice, whose whole text is the object; a number keeps every digit that was written."""
    choices = choices_of(evidence.response)[:1]
    text = read_completion({"choices": choices}).text if choices else ""
    if len(text) > MOST_CHARS:
        return ConfidenceReading(missing=f"the answer is longer than {MOST_CHARS:,} characters")
    try:
        answer = json.loads(text, object_pairs_hook=_Object, parse_float=Decimal, parse_constant=_none)
    except (ValueError, RecursionError, InvalidOperation):
        return ConfidenceReading(missing="the answer is no JSON object that states its confidence")
    stated = [value for name, value in answer if name == FIELD] if isinstance(answer, _Object) else []
    if len(stated) > 1:
        return ConfidenceReading(missing=f"the answer states its `{FIELD}` twice")
    if not stated or stated[0] is None:
        return ConfidenceReading(missing=f"the answer states no `{FIELD}`")
    if isinstance(stated[0], str):
        return ConfidenceReading(missing=f"the answer's `{FIELD}` is a text, not a number")
    return ConfidenceReading(stated[0])


def _none(name: str) -> Decimal:
    """NaN and the infinities, which are no JSON; kept, so that the comparison names them."""
    return Decimal(name)
