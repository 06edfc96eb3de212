"""`score`: the learned score's probability that the tier it chose is good enough."""

from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading


def read(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Of the routing decision."""
    if evidence.score is None:
        return ConfidenceReading(missing="the learned score did not choose the tier")
    return ConfidenceReading(evidence.score.sufficient)
