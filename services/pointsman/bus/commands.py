"""Commands about jobs under way: FastStream reads the control topic in full, in every process."""

import logging
from collections.abc import Callable

from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.middlewares import AckPolicy

from pointsman.bus.decode import Malformed, decode
from pointsman.bus.poll import incoming
from pointsman.runtime.logging import event
from pointsman_schemas.jobs import JobCancel
from pointsman_schemas.topics import Topic

log = logging.getLogger(__name__)


def on_cancel(broker: KafkaBroker, topic: Topic, cancel: Callable[[JobCancel], None]) -> None:
    """Call `cancel` for every command that the topic holds and will hold.

    Without a group: each process reads all of it, from the oldest kept command on, so that one that starts
    later knows what was cancelled before.
    """

    @broker.subscriber(
        topic.name,
        group_id=None,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        description=topic.title,
    )
    async def commanded(message: KafkaMessage) -> None:
        found = decode(incoming(message.raw_message))
        if isinstance(found, Malformed):
            event(log, logging.WARNING, "command not understood", reason=found.reason, problem=found.message)
        elif isinstance(found.message, JobCancel):
            cancel(found.message)
