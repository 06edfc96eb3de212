"""A decision that lacks the reason it needs is refused before the case is claimed."""

import pytest

from pointsman.client.reviews import KnownCase, Reviewer
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewChoice,
    ReviewClaim,
    ReviewDecide,
    ReviewRefusal,
)
from pointsman_schemas.topics import Topics
from tests.support.review.cases import case, request


class Unsent(Reviewer):
    """Keeps the commands that would be sent; each is carried out."""

    def __init__(self) -> None:
        super().__init__(KafkaPart(), Topics(), "ana")
        self.commands: list[object] = []

    async def _send(self, case: ReviewChanged, command: object) -> ReviewAnswered:
        self.commands.append(command)
        return ReviewAnswered(
            job_id=case.job_id, by="ana", refused=None, message="", status="claimed", revision=2
        )


@pytest.mark.parametrize(("queue", "choice"), [("changes", "reject"), ("always", "approve")])
async def test_nothing_is_claimed_without_the_reason(queue: str, choice: ReviewChoice) -> None:
    requested, reviewer = request(reason=queue), Unsent()
    known = KnownCase(case(requested), requested, "0" * 64)
    refused = await reviewer.decide(known, choice, reason="  ")
    assert (refused.refused, refused.status) == (ReviewRefusal.REASON_MISSING, "open")
    assert reviewer.commands == []


async def test_with_a_reason_the_decision_is_about_the_claimed_revision() -> None:
    requested, reviewer = request(), Unsent()
    await reviewer.decide(KnownCase(case(requested), requested, "0" * 64), "reject", reason="no")
    claim, decision = reviewer.commands
    assert isinstance(claim, ReviewClaim) and isinstance(decision, ReviewDecide)
    assert (claim.revision, decision.revision, decision.reason) == (1, 2, "no")
