"""The sources of a confidence, one function each. The input is untrusted; no reading raises."""

import json
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from pointsman.cascade.accept_answer import read_answer
from pointsman.cascade.completion import read_completion
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading, choices_of
from pointsman.score.exact import exp
from pointsman_schemas.jobs import ChatRequest

#: More samples are not read.
MOST_SAMPLES = 128
#: Where an answer states its confidence.
FIELD = "confidence"
#: A longer answer is not looked into.
MOST_CHARS = 1024 * 1024


def score(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """The learned score's probability that the tier it chose is good enough."""
    if evidence.score is None:
        return ConfidenceReading(missing="the learned score did not choose the tier")
    return ConfidenceReading(evidence.score.sufficient)


def logprob(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """The geometric mean of the probabilities that the model gave the tokens of the first choice."""
    choices = choices_of(evidence.response)[:1]
    mean = read_completion({"choices": choices}).logprob if choices else None
    if mean is None:
        return ConfidenceReading(missing="the provider told no probabilities of its tokens")
    return ConfidenceReading(exp(mean))


def agreement(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """The share of several samples (`n`) that say what the first one says, which is the answer.

    Where the first is with the majority, that is the majority's share; where it is not, the share is small,
    and so it should be. What was asked for and did not come counts as another answer.
    """
    samples_given = evidence.response.get("choices") if isinstance(evidence.response, dict) else None
    samples = len(samples_given) if isinstance(samples_given, list) else 0
    choices = choices_of(evidence.response)
    number_asked_for = max(samples, _requested_choices(evidence.request))
    if number_asked_for < 2 or not choices or choices[0] is not samples_given[0]:  # type: ignore[index]  # it has choices
        return ConfidenceReading(missing="there are not several samples to compare: ask for them by `n`")
    if number_asked_for > MOST_SAMPLES:
        count = number_asked_for if number_asked_for < 10**9 else "too many"
        return ConfidenceReading(missing=f"{count} samples are more than {MOST_SAMPLES}")
    answers = [read_answer(read_completion({"choices": [choice]}).text) for choice in choices]
    if answers[0].kind in ("none", "long"):
        return ConfidenceReading(missing="no two samples would word such an answer alike")
    return ConfidenceReading(Fraction(sum(answer.agrees(answers[0]) for answer in answers), number_asked_for))


def verifier(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """The verdict of the cascade's accept model on the answer that ended it, not on another tier's."""
    if evidence.cascade is None or evidence.cascade.accept != "model":
        return ConfidenceReading(
            missing="no verifier model judged the answer: the job has no cascade with one"
        )
    last = evidence.steps[-1] if evidence.steps else None
    if last is None or last.tier != evidence.tier or not last.accepted or last.confidence is None:
        return ConfidenceReading(missing=f"the verifier model did not judge the answer of {evidence.tier}")
    return ConfidenceReading(last.confidence)


class _Object(list[tuple[str, object]]):
    """A JSON object as pairs, as names may be repeated."""


def stated(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """What the first choice says of itself: `confidence` at the top of the JSON object that it is.

    A number keeps every digit that was written.
    """
    choices = choices_of(evidence.response)[:1]
    text = read_completion({"choices": choices}).text if choices else ""
    if len(text) > MOST_CHARS:
        return ConfidenceReading(missing=f"the answer is longer than {MOST_CHARS:,} characters")
    try:
        answer = json.loads(text, object_pairs_hook=_Object, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        return ConfidenceReading(missing="the answer is no JSON object that states its confidence")
    values = [value for name, value in answer if name == FIELD] if isinstance(answer, _Object) else []
    if len(values) > 1:
        return ConfidenceReading(missing=f"the answer states its `{FIELD}` twice")
    if not values or values[0] is None:
        return ConfidenceReading(missing=f"the answer states no `{FIELD}`")
    if isinstance(values[0], str):
        return ConfidenceReading(missing=f"the answer's `{FIELD}` is a text, not a number")
    return ConfidenceReading(values[0])


def _requested_choices(request: ChatRequest | None) -> int:
    number = None if request is None else (request.__pydantic_extra__ or {}).get("n")
    return number if type(number) is int else 0
