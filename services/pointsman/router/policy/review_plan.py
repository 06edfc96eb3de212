"""Derives the review thresholds that apply to a job, from the policy and its agent's entry, and their queues.

Invariants:
- The same policy, entry and kind of job give the same plan.
- A threshold always has a queue: if the policy lacks the one that an entry names, its first queue is used;
  without a `review` section, the built-in one. A wrong name never lets a job pass.
"""

from collections.abc import Iterable, Sequence

from pointsman.router.policy.review_section import AGENT, ReviewSection
from pointsman_schemas.control.review_plans import EntryThreshold, ReviewPlan, ReviewQueue, ReviewThreshold
from pointsman_schemas.jobs import Job

#: The queue of a policy without a `review` section; it rejects a job after four hours.
BUILT_IN = ReviewQueue(name="default", deadline_s=4 * 3600)


def plan_of(
    section: ReviewSection | None, job: Job, tiers: Sequence[str], own: Iterable[EntryThreshold]
) -> ReviewPlan | None:
    """Return the plan for `job`; None if no threshold applies.

    `tiers`: open to the job's agent. `own`: thresholds from the agent's entry.
    """
    queues = [BUILT_IN] if section is None else [_plain(queue) for queue in section.queues]
    names = {queue.name for queue in queues}
    thresholds = [
        ReviewThreshold(
            name=listed.name, of=listed.of, source=listed.source, above=listed.above, queue=listed.queue
        )
        for listed in (() if section is None else section.thresholds)
        if listed.kinds is None or job.kind in listed.kinds
    ]
    for entry in own:
        if entry.kind is None or job.kind in entry.kind:
            queue = entry.queue if entry.queue in names else queues[0].name
            thresholds.append(
                ReviewThreshold(name=AGENT, of=entry.of, source=entry.source, above=entry.above, queue=queue)
            )
    if not thresholds:
        return None
    reached = _reached(queues, {threshold.queue for threshold in thresholds})
    return ReviewPlan(tiers=tuple(tiers), thresholds=tuple(thresholds), queues=tuple(reached))


def queues_of(section: ReviewSection | None) -> list[str]:
    """Return the names of the queues."""
    return [BUILT_IN.name] if section is None else [queue.name for queue in section.queues]


def own_of(plan: ReviewPlan | None) -> tuple[EntryThreshold, ...]:
    """Return the thresholds in the plan that came from the agent's entry."""
    return tuple(
        EntryThreshold(of=threshold.of, source=threshold.source, above=threshold.above, queue=threshold.queue)
        for threshold in (() if plan is None else plan.thresholds)
        if threshold.name == AGENT
    )


def _reached(queues: Sequence[ReviewQueue], names: set[str]) -> list[ReviewQueue]:
    """Return the queues with these names and those that they lead to, in the policy's order."""
    after = {queue.name: queue.then for queue in queues}
    reached: set[str] = set()
    for name in names:
        at: str | None = name
        while at is not None and at not in reached:
            reached.add(at)
            at = after[at]
    return [queue for queue in queues if queue.name in reached]


def _plain(queue: ReviewQueue) -> ReviewQueue:
    return ReviewQueue.model_construct(**{name: getattr(queue, name) for name in ReviewQueue.model_fields})
