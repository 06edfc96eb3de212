"""The `review` section of a policy: which confidences send a job to a person, and how people decide."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from pointsman.router.policy.tier_names import context_of, unique_name
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.base import Value
from pointsman_schemas.control.registry import OneOrMore
from pointsman_schemas.control.review_plans import (
    SOURCES_OF,
    ConfidenceSource,
    Kind,
    QueueName,
    ReviewQueue,
    ReviewThreshold,
)

#: The name of thresholds from an agent's registry entry.
AGENT = "agent"


class ListedQueue(ReviewQueue):
    """A queue of a policy, validated against those above it."""

    name: Annotated[QueueName, unique_name("queue")]


class ListedThreshold(ReviewThreshold):
    """A threshold of a policy; `kinds`: the job kinds to which it applies."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$"),
        unique_name("threshold", **{AGENT: "the thresholds in agents.yaml"}),
    ]
    kinds: OneOrMore[Kind] | None = Field(default=None, description="absent: all")

    @field_validator("source")
    @classmethod
    def _has(cls, source: ConfidenceSource, info: ValidationInfo) -> ConfidenceSource:
        of = info.data.get("of")
        if of is not None and source not in SOURCES_OF[of]:
            listed = ", ".join(f"`{name}`" for name in SOURCES_OF[of])
            raise ValueError(f"`{source}` is not a confidence of the {of}; those are {listed}")
        return source

    @field_validator("queue")
    @classmethod
    def _check_queue(cls, queue: str, info: ValidationInfo) -> str:
        queues = context_of(info).get("queues", [queue])
        if queue not in queues:
            raise ValueError(unknown_queue(queue, queues))
        return queue


class ReviewSection(Value):
    """`queues` come first: the thresholds name them."""

    queues: tuple[ListedQueue, ...] = Field(min_length=1, max_length=64)
    thresholds: tuple[ListedThreshold, ...] = Field(default=(), max_length=32)


def queue_problems(section: ReviewSection) -> Iterator[tuple[Loc, str]]:
    """Yield the problems of the queues' `then` fields."""
    after = {queue.name: queue.then for queue in section.queues}
    for index, queue in enumerate(section.queues):
        loc = ("review", "queues", index, "then")
        if queue.then is not None and queue.then not in after:
            yield loc, unknown_queue(queue.then, list(after))
            continue
        way, at = [queue.name], queue.then
        while at is not None and at not in way:
            way.append(at)
            at = after.get(at)
        if at == queue.name:
            yield loc, f"goes round: {' -> '.join([*way, at])}; leave `then` out of one of them"


def unknown_queue(name: QueueName, queues: list[QueueName]) -> str:
    """Return the error text for a queue that the policy does not have."""
    return f"unknown queue `{name}`; the policy's queues are {', '.join(queues) or 'none'}"
