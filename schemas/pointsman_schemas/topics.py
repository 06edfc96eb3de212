"""Every topic as a value: key, partitions, retention, who writes it and who reads it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pointsman_schemas.calls import CallFinished
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.control.checkpoints import CheckpointSigned
from pointsman_schemas.control.gateway_requests import RequestTaken
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    LimitStanding,
)
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.control.review_topics import ReviewTopics
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobCancel, JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.topic import MIB, Topic


@dataclass(frozen=True, slots=True)
class Topics(ReviewTopics):
    """The topics of one installation: `prefix` comes first in every name."""

    @property
    def intake(self) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.intake",
            "Jobs as agents submit them",
            key="order key, else job id",
            partitions=4,
            retention=timedelta(days=7),
            writers=("agents", "people", "router", "gateway"),
            readers=("router", "audit"),
            carries=(JobSubmitted,),
            max_message_bytes=2 * MIB,
            broker_time=True,
        )

    def tier(self, tier: str) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.tier.{tier}",
            f"Jobs routed to the {tier} tier, with the whole decision",
            key="order key, else job id",
            partitions=4,
            retention=timedelta(days=7),
            writers=("router", "opinion", "worker", "review"),
            readers=(f"worker-{tier}", "audit"),
            carries=(JobRouted,),
        )

    @property
    def opinion(self) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.opinion",
            "Jobs for which the score is undecided, with its decision: a second opinion decides",
            key="job id",
            partitions=4,
            retention=timedelta(days=7),
            writers=("router",),
            readers=("opinion", "audit"),
            carries=(JobUndecided,),
        )

    @property
    def results(self) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.results",
            "The one terminal outcome of each job",
            key="job id",
            partitions=4,
            retention=timedelta(days=7),
            writers=("router", "opinion", "worker", "review"),
            readers=("people", "audit", "gateway"),
            carries=(JobCompleted, JobFailed, JobRejected, JobExpired, JobCancelled),
        )

    @property
    def chunks(self) -> Topic:
        """As many partitions as `results`: a job's chunks and its outcome have the same partition number."""
        return Topic(
            f"{self.prefix}.jobs.chunks",
            "Pieces of answers as they come, for streams; the outcome has the whole answer",
            key="job id",
            partitions=self.results.partitions,
            retention=timedelta(minutes=10),
            writers=("worker",),
            readers=("gateway",),
            carries=(JobChunk,),
        )

    @property
    def requests(self) -> Topic:
        return Topic(
            f"{self.prefix}.gateway.requests",
            "Which job each request became, so that a client's retry is the same job in every gateway",
            key="digest of agent and request",
            partitions=1,
            retention=timedelta(minutes=10),
            writers=("gateway",),
            readers=("gateway",),
            carries=(RequestTaken,),
            broker_time=True,
        )

    @property
    def batches(self) -> Topic:
        return Topic(
            f"{self.prefix}.gateway.batches",
            "Files and batches of requests as they stand: every gateway restores them from it",
            key="file/ID, or submitted, cancel or changed and the batch's id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("gateway",),
            readers=("gateway", "people", "audit"),
            carries=(FileKept, BatchSubmitted, BatchCancel, BatchChanged),
            compacted=True,
            broker_time=True,
        )

    @property
    def calls(self) -> Topic:
        return Topic(
            f"{self.prefix}.calls",
            "Each provider call: request, response, usage, cost, duration, error",
            key="job id",
            partitions=4,
            retention=timedelta(days=7),
            writers=("worker",),
            readers=("audit",),
            carries=(CallFinished,),
        )

    @property
    def dead(self) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.dead",
            "Records that could not be understood or finished: raw bytes, reason and origin in headers",
            key="as found",
            partitions=1,
            retention=timedelta(days=30),
            writers=("router", "opinion", "worker", "review"),
            readers=("people", "audit", "gateway"),
        )

    @property
    def control(self) -> Topic:
        return Topic(
            f"{self.prefix}.jobs.control",
            "Commands about jobs under way; every worker process reads all of them",
            key="job id",
            partitions=1,
            retention=timedelta(days=1),
            writers=("agents", "people", "gateway"),
            readers=("worker", "review", "audit"),
            carries=(JobCancel,),
            broker_time=True,
        )

    @property
    def limits(self) -> Topic:
        return Topic(
            f"{self.prefix}.limits",
            "What worker processes may use of the providers' limits; one partition, so that all agree",
            key="process, budget or provider/model",
            partitions=1,
            retention=timedelta(days=2),
            writers=("worker", "people"),
            readers=("worker", "audit"),
            carries=(
                LimitDeclared,
                LimitReserved,
                LimitSettled,
                LimitPaused,
                LimitResumed,
                LimitStanding,
                BreakerCounted,
                BreakerTurned,
            ),
            broker_time=True,
        )

    @property
    def feedback(self) -> Topic:
        return Topic(
            f"{self.prefix}.feedback",
            "Verdicts of people and agents on answers; training of the learned score uses them",
            key="job id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("agents", "people"),
            readers=("router", "opinion", "audit"),
            carries=(JobFeedback,),
            broker_time=True,
        )

    @property
    def policy(self) -> Topic:
        return Topic(
            f"{self.prefix}.policy",
            "What routers decide by: each policy in force, its models, and suspensions of its score",
            key="policy/VERSION, model/SHA256, promise/MODEL or trust/MODEL",
            partitions=1,
            retention=timedelta(days=7),
            writers=("router", "opinion", "people"),
            readers=("router", "opinion", "worker", "audit", "gateway"),
            carries=(PolicyApplied, ModelApplied, PromiseBroken, PromiseRenewed),
            compacted=True,
        )

    @property
    def registry(self) -> Topic:
        return Topic(
            f"{self.prefix}.agents.registry",
            "Who may do what: each agent as it stands, and the rules for all",
            key="agent/ID, rules or proposal/ID",
            partitions=1,
            retention=timedelta(days=7),
            writers=("registry",),
            readers=(
                "router",
                "opinion",
                "worker",
                "review",
                "audit",
                "auditor",
                "registry",
                "people",
                "gateway",
            ),
            carries=(AgentChanged, RegistryChanged, RegistryProposed),
            compacted=True,
            broker_time=True,
        )

    def agent_results(self, agent: str) -> Topic:
        """The outcomes of an agent that has a Kafka login; only that agent can read it.

        While this topic does not exist, its outcomes are written to `results`.
        """
        return Topic(
            f"{self.prefix}.agents.results.{agent}",
            f"The one terminal outcome of each job of {agent}",
            key="job id",
            partitions=1,
            retention=timedelta(days=7),
            writers=("router", "opinion", "worker", "review"),
            readers=(f"agent-{agent}", "audit"),
            carries=self.results.carries,
            fallback_topic=self.results.name,
        )

    @property
    def checkpoints(self) -> Topic:
        return Topic(
            f"{self.prefix}.audit.checkpoints",
            "Signed heads of the audit's hash chains; `audit verify` compares the record with them",
            key="audit",
            partitions=1,
            retention=timedelta(days=400),
            writers=("audit",),
            readers=("people", "auditor", "audit"),
            carries=(CheckpointSigned,),
        )

    def all(self, tiers: Sequence[str]) -> Iterator[Topic]:
        """Every topic, in the order in which a job meets them."""
        yield self.intake
        yield self.opinion
        for tier in tiers:
            yield self.tier(tier)
        yield from (self.results, self.chunks, self.requests, self.batches, self.calls)
        yield from (self.dead, self.control, self.limits)
        yield from (self.review, self.reviews_decided, self.reviews_state, self.reviews_answers)
        yield from (self.feedback, self.policy, self.registry, self.checkpoints)

    def of(self, *roles: str, tiers: Sequence[str] = ()) -> list[Topic]:
        """The topics that at least one of `roles` writes or reads."""
        return [topic for topic in self.all(tiers) if {*topic.writers, *topic.readers} & set(roles)]

    @property
    def outcomes_pattern(self) -> str:
        """A regular expression that matches every topic of outcomes."""
        results, of_agents = re.escape(self.results.name), re.escape(self.agent_results("").name)
        return f"^(?:{results}|{of_agents}.+)$"

    @property
    def pattern(self) -> str:
        """A regular expression that matches every audited topic of this installation."""
        prefix = f"{self.prefix}."
        left_out = [topic.name.removeprefix(prefix) for topic in self.all(()) if not topic.audited]
        return rf"^{re.escape(prefix)}(?!(?:{'|'.join(map(re.escape, left_out))})$).*"
