"""`verifier`: the verdict of the cascade's accept model on the answer that it accepted."""

from pointsman.confidence.reading import ConfidenceEvidence, ConfidenceReading


def read(evidence: ConfidenceEvidence) -> ConfidenceReading:
    """Of the step that ended the cascade: a verdict on another tier's answer is none on this one."""
    if evidence.cascade is None or evidence.cascade.accept != "model":
        return ConfidenceReading(
            missing="no verifier model judged the answer: the job has no cascade with one"
        )
    last = evidence.steps[-1] if evidence.steps else None
    if last is None or last.tier != evidence.tier or not last.accepted or last.confidence is None:
        return ConfidenceReading(missing=f"the verifier model did not judge the answer of {evidence.tier}")
    return ConfidenceReading(last.confidence)
