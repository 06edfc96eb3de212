"""The texts of answers to commands; pure."""

from uuid import UUID

from pointsman.review.case import WAITING, RefusedCommand
from pointsman.review.seeded import is_seeded
from pointsman_schemas.reviews import ReviewChanged, ReviewRefusal


def done(case: ReviewChanged) -> str:
    """That it was carried out, and what the case is now."""
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


def unknown_case(job_id: UUID) -> RefusedCommand:
    """There is no case of this job."""
    return RefusedCommand(
        ReviewRefusal.UNKNOWN_CASE,
        f"there is no case of job {job_id}; those that wait: pointsman review list",
    )
