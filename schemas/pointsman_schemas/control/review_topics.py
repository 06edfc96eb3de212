"""The topics by which people decide cases: asked, commanded, kept as state and answered."""

from dataclasses import dataclass
from datetime import timedelta

from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
)
from pointsman_schemas.topic import DEFAULT_PREFIX, MIB, Topic


@dataclass(frozen=True, slots=True)
class ReviewTopics:
    """A part of `Topics`: `prefix` comes first in every name."""

    prefix: str = DEFAULT_PREFIX

    @property
    def review(self) -> Topic:
        """One partition, as its three others: so it is known exactly how many cases a person has claimed."""
        return Topic(
            f"{self.prefix}.jobs.review",
            "Jobs that wait for a person, with all that is needed to decide",
            key="job id",
            partitions=1,
            retention=timedelta(days=90),
            writers=("router", "opinion", "worker"),
            readers=("review", "reviewers", "people", "audit"),
            carries=(ReviewRequested,),
            broker_time=True,
        )

    @property
    def reviews_decided(self) -> Topic:
        return Topic(
            f"{self.prefix}.reviews.decided",
            "What people claim, give back and decide",
            key="job id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("reviewers", "gateway"),
            readers=("review", "audit"),
            carries=(ReviewClaim, ReviewRelease, ReviewDecide),
            max_message_bytes=2 * MIB,
            broker_time=True,
        )

    @property
    def reviews_state(self) -> Topic:
        return Topic(
            f"{self.prefix}.reviews.state",
            "Each case as it stands: what the review service restores its state from",
            key="job id, or request/JOB",
            partitions=1,
            retention=timedelta(days=7),
            writers=("review",),
            readers=("review", "reviewers", "gateway", "people", "audit"),
            carries=(ReviewChanged, ReviewRequested),
            compacted=True,
            broker_time=True,
        )

    @property
    def reviews_answers(self) -> Topic:
        return Topic(
            f"{self.prefix}.reviews.answers",
            "What became of each command about a case: carried out, or refused with a reason",
            key="job id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("review",),
            readers=("reviewers", "gateway", "people", "audit"),
            carries=(ReviewAnswered,),
        )
