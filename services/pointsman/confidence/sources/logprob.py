"""`logprob`: the geometric mean of the probabilities that the model gave the answer's tokens."""

from pointsman.cascade.completion import read_completion
from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading, choices_of
from pointsman.score.exact import exp


def read(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Of the first choice."""
    choices = choices_of(evidence.response)[:1]
    mean = read_completion({"choices": choices}).logprob if choices else None
    if mean is None:
        return ConfidenceReading(missing="the provider told no probabilities of its tokens")
    return ConfidenceReading(exp(mean))
