"""Listens for cancellations, in each service that has unfinished jobs."""

from pointsman.bus.codec.records import Incoming
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.settings import LanePart
from pointsman.registry.authors import Authors
from pointsman.registry.cancellations import Cancellations
from pointsman.registry.in_force import RegistryInForce
from pointsman_schemas.jobs import JobCancel
from pointsman_schemas.topics import Topics


def hear_cancellations(
    settings: LanePart, topics: Topics, in_force: RegistryInForce, cancellations: Cancellations
) -> MessageListener[JobCancel]:
    """Return a listener that fills `cancellations`, starting with the oldest retained request."""
    authors = Authors(in_force)

    def cancel(command: JobCancel, record: Incoming) -> None:
        if authors.is_by(record, command.agent_id):
            cancellations.cancel(command.job_id, command.agent_id, command.reason, own=authors.proven)

    return MessageListener(settings, topics.control, (JobCancel,), cancel)
