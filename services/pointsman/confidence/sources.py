"""The sources of a confidence, one function each. The input is untrusted; no function raises."""

import json
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from pointsman.cascade.accept_answer import read_answer
from pointsman.cascade.completion import read_completion
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading, choices_of
from pointsman.score.exact import exp
from pointsman_schemas.jobs import ChatRequest

#: The largest number of samples that is read.
MOST_SAMPLES = 128
#: The field in which an answer states its confidence.
FIELD = "confidence"
#: A longer answer is not parsed.
MOST_CHARS = 1024 * 1024


def score(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Return the learned score's probability that the chosen tier is good enough."""
    if evidence.score is None:
        return ConfidenceReading(missing="the learned score did not choose the tier")
    return ConfidenceReading(evidence.score.sufficient)


def logprob(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Return the geometric mean of the token probabilities of the first choice."""
    choices = choices_of(evidence.response)[:1]
    mean = read_completion({"choices": choices}).logprob if choices else None
    if mean is None:
        return ConfidenceReading(missing="the provider told no probabilities of its tokens")
    return ConfidenceReading(exp(mean))


def agreement(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Return the share of several samples (`n`) that agree with the first one, which is the answer.

    If the first is in the minority, the share is low, as it should be. A requested sample that is missing
    counts as a different answer.
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
    """Return the accept model's confidence in the answer that ended the cascade, not in another tier's."""
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
    """Return the confidence that the first choice states: `confidence` at the top of its JSON object.

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
