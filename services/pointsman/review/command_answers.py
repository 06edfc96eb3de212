"""The texts of answers to commands; pure."""

from pointsman.review.case import WAITING
from pointsman.review.seeded import is_seeded
from pointsman_schemas.reviews import ReviewChanged


def answer_to_command(case: ReviewChanged) -> str:
    """Describe the new state of a case after a command."""
    if case.status not in WAITING and is_seeded(case):
        return f"{case.status}. It was a test: the answer was to another question. Nothing follows from it"
    match case.status:
        case "claimed":
            assert case.claim is not None
            return f"claimed until {case.claim.until:%H:%M:%S} UTC"
        case "open" if case.decisions:
            return f"recorded; another person has to agree ({len(case.decisions)} decided so far)"
        case "open":
            return "released"
        case "sent":
            return f"sent to {case.decisions[-1].tier}"
        case status:
            return f"{status}: the outcome is written"
