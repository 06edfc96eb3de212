"""How a record ends that is not routed: as a dead letter, and with an outcome where a job is known."""

from pointsman.bus.codec.records import Outgoing
from pointsman.router.admission import Refused
from pointsman.router.replies import STAGE, Replies
from pointsman.runtime.metrics import DEAD, FINISHED
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason


def dead_letter(replies: Replies, cause: Envelope | None, why: Refused) -> list[Outgoing]:
    """The dead letter alone: no job is known, or it is answered already."""
    DEAD.labels(STAGE, why.reason).inc()
    return [replies.dead(cause, why.reason, why.message)]


def refuse(replies: Replies, cause: Envelope | None, why: Refused, job: Job | None = None) -> list[Outgoing]:
    """The dead letter, and the outcome of the job that the cause names, if it names one."""
    if cause is None or cause.job_id is None:
        return dead_letter(replies, cause, why)
    digest = None if job is None else job.request_digest
    if why.reason is Reason.DEADLINE_PASSED and job is not None and job.deadline is not None:
        outcome, name = replies.expired(cause, job.deadline, why.message, digest), "expired"
    else:
        outcome, name = replies.rejected(cause, why.reason, why.message, digest), "rejected"
    FINISHED.labels("none", name, why.reason).inc()
    return [*dead_letter(replies, cause, why), outcome]
