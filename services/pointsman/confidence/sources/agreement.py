"""`agreement`: the share of several samples that say what the first one says, which is the answer.

Where the first is with the majority, that is the majority's share; where it is not, the share is small, and
so it should be. What was asked for and did not come counts as another answer.
"""

from fractions import Fraction

from pointsman.cascade.accept_answer import read_answer
from pointsman.cascade.completion import read_completion
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading, choices_of
from pointsman_schemas.jobs import ChatRequest

#: More samples are not read.
MOST = 128


def read(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Of the choices of an answer to a request with `n`."""
    told = evidence.response.get("choices") if isinstance(evidence.response, dict) else None
    samples = len(told) if isinstance(told, list) else 0
    choices = choices_of(evidence.response)
    asked = max(samples, _asked(evidence.request))
    if asked < 2 or not choices or choices[0] is not told[0]:  # type: ignore[index]  # it has choices
        return ConfidenceReading(missing="there are not several samples to compare: ask for them by `n`")
    if asked > MOST:
        return ConfidenceReading(
            missing=f"{asked if asked < 10**9 else 'too many'} samples are more than {MOST}"
        )
    answers = [read_answer(read_completion({"choices": [choice]}).text) for choice in choices]
    if answers[0].kind in ("none", "long"):
        return ConfidenceReading(missing="no two samples would word such an answer alike")
    return ConfidenceReading(Fraction(sum(answer.agrees(answers[0]) for answer in answers), asked))


def _asked(request: ChatRequest | None) -> int:
    asked = None if request is None else (request.__pydantic_extra__ or {}).get("n")
    return asked if type(asked) is int else 0
