"""Messages that every process hears, whatever partitions it owns: FastStream reads the topic in full."""

import logging
from collections.abc import Callable
from typing import TypeVar

from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.middlewares import AckPolicy

from pointsman.bus.decode import Malformed, decode
from pointsman.bus.poll import incoming
from pointsman.runtime.logging import event
from pointsman_schemas.base import Message
from pointsman_schemas.topics import Topic

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)


def on_each(
    broker: KafkaBroker,
    topic: Topic,
    kind: type[M],
    hear: Callable[[M], None],
) -> None:
    """Call `hear` for every message of one kind on a topic, from the oldest kept one on.

    Without a group: each process reads all of it.
    """

    @broker.subscriber(
        topic.name,
        group_id=None,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        description=topic.title,
    )
    async def heard(message: KafkaMessage) -> None:
        found = decode(incoming(message.raw_message))
        if isinstance(found, Malformed):
            event(log, logging.WARNING, "message not understood", reason=found.reason, problem=found.message)
        elif isinstance(found.message, kind):
            hear(found.message)
