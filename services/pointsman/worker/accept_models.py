"""The accept models that cascade plans name, read from the topic `policy`."""

import asyncio
import base64
import hashlib
import logging

from pointsman.bus.errors import BusError
from pointsman.bus.read.follow import follow
from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_file import parse
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.base import NamedModel
from pointsman_schemas.control.policies import ModelApplied
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)


class AcceptModels:
    """Reads each model once, when a job first names it; a missing model stays missing."""

    def __init__(self, kafka: KafkaPart, topics: Topics) -> None:
        self._kafka = kafka
        self._topics = topics
        self._found: dict[str, asyncio.Task[AcceptModel | None]] = {}

    async def of(self, named: NamedModel | None) -> AcceptModel | None:
        """Return the named model; None if it cannot be read: its jobs are then escalated."""
        if named is None:
            return None
        task = self._found.get(named.sha256)
        if task is None:
            task = self._found[named.sha256] = asyncio.create_task(self._look(named))
        return await asyncio.shield(task)  # cancelling one job must not stop the read for others

    async def _look(self, named: NamedModel) -> AcceptModel | None:
        key = f"model/{named.sha256}".encode()
        why = "it is not on the topic `policy`"
        try:
            async for record in follow(
                self._kafka, [self._topics.policy.name], start="beginning", until_end=True
            ):
                if record.key == key and record.value is not None:
                    try:
                        return _read(record.value, named)
                    except ValueError as error:  # another program may have written it; go on reading
                        why = str(error)
        except BusError as error:
            why = str(error)
            del self._found[named.sha256]  # the broker may answer the next job
        event(log, logging.WARNING, Event.ACCEPT_MODEL_MISSING, sha256=named.sha256, problem=why)
        return None


def _read(value: bytes, named: NamedModel) -> AcceptModel:
    content = base64.b64decode(ModelApplied.model_validate_json(value).content)
    if hashlib.sha256(content).hexdigest() != named.sha256:
        raise ValueError("what is on the topic under its name has another SHA-256")
    return parse(content)
