"""All message types by name."""

from pointsman_schemas.base import Message
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
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobCancel, JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
)

MESSAGES: dict[str, type[Message]] = {
    message.TYPE: message
    for message in (
        JobSubmitted,
        JobRouted,
        JobUndecided,
        JobCancel,
        CallFinished,
        JobCompleted,
        JobFailed,
        JobRejected,
        JobExpired,
        JobCancelled,
        JobChunk,
        RequestTaken,
        FileKept,
        BatchSubmitted,
        BatchCancel,
        BatchChanged,
        JobFeedback,
        PolicyApplied,
        ModelApplied,
        PromiseBroken,
        PromiseRenewed,
        AgentChanged,
        RegistryChanged,
        RegistryProposed,
        ReviewRequested,
        ReviewClaim,
        ReviewRelease,
        ReviewDecide,
        ReviewAnswered,
        ReviewChanged,
        CheckpointSigned,
        LimitDeclared,
        LimitReserved,
        LimitSettled,
        LimitPaused,
        LimitResumed,
        LimitStanding,
        BreakerCounted,
        BreakerTurned,
    )
}

OUTCOMES = (JobCompleted, JobFailed, JobRejected, JobExpired, JobCancelled)
