"""A job once more: the same question under a new id, which says whose repetition it is."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.client.job import as_record
from pointsman_schemas.dead import ORIGINAL
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job
from pointsman_schemas.topics import Topics

#: In a repetition's metadata: the id of the job that it repeats.
OF = "replay_of"
_MOST_METADATA = 64


def as_found(letter: Incoming) -> Incoming:
    """The record of the intake that a dead letter is about: its own headers count, as they did."""
    own = [(name[len(ORIGINAL) :], text) for name, text in letter.headers if name.startswith(ORIGINAL)]
    return replace(letter, headers=tuple(own))


def read_again(record: Incoming) -> Job | Malformed:
    """The job in a record of the intake."""
    decoded = decode_intake(record, Topics().intake.max_message_bytes)
    return decoded if isinstance(decoded, Malformed) else decoded.job


def again(job: Job, cause: UUID | None, topics: Topics, now: datetime) -> tuple[Job, Outgoing]:
    """`job` under a new id and the record that submits it, caused by the message `cause`.

    A deadline is left out: it was for an answer back then.
    """
    metadata = dict(job.metadata)
    if len(metadata) < _MOST_METADATA or OF in metadata:
        metadata[OF] = str(job.job_id)
    made = job.model_copy(update={"job_id": uuid7(now), "metadata": metadata, "deadline": None})
    record = as_record(made, topics, now)
    if cause is not None:
        record.headers.append(("ce_causationid", str(cause).encode()))
    return made, record
