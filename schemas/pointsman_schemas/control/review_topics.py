"""The topics of the review service: cases, commands, state and answers to commands."""

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
    """A part of `Topics`. All names begin with `prefix`."""

    prefix: str = DEFAULT_PREFIX

    @property
    def review(self) -> Topic:
        """One partition, like the other three topics, so that a person's claims can be counted exactly."""
        return Topic(
            f"{self.prefix}.jobs.review",
            "Jobs that wait for a person, with everything needed to decide",
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
            "People's commands: claim, release, decide",
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
            "The state of each case, from which the review service restores",
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
            "The result of each command: carried out, or refused with a reason",
            key="job id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("review",),
            readers=("reviewers", "gateway", "people", "audit"),
            carries=(ReviewAnswered,),
        )
