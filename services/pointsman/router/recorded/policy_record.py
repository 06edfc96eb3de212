"""Reads recorded policies and models from the audit database, else from the compacted topic `policy`.

A policy that is older than the database's retention is still on the topic.
"""

from pointsman.bus.errors import BusError
from pointsman.bus.read.follow import follow
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.decisions import Decisions
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.topics import Topics

#: How long to wait for a broker, seconds.
_PATIENCE_S = 5.0


class PolicyRecord:
    """Reads the topic once, when first needed."""

    def __init__(self, decisions: Decisions, kafka: KafkaPart, topics: Topics) -> None:
        self._decisions = decisions
        self._kafka = kafka
        self._topics = topics
        self._on_topic: dict[bytes, bytes] | None = None

    async def policy(self, version: str) -> PolicyApplied | None:
        """Return the policy of that version from the database; None if it is not there."""
        return await self._decisions.policy(version)

    async def policy_on_topic(self, version: str) -> PolicyApplied | None:
        """Return the policy of that version from the topic; None if it is not there."""
        value = await self._look(f"policy/{version}")
        return None if value is None else PolicyApplied.model_validate_json(value)

    async def model(self, sha256: str) -> ModelApplied | None:
        """Return the model with that SHA-256 from the database or the topic; None if it is in neither."""
        applied = await self._decisions.model(sha256)
        if applied is None and (value := await self._look(f"model/{sha256}")) is not None:
            applied = ModelApplied.model_validate_json(value)
        return applied

    async def _look(self, key: str) -> bytes | None:
        if self._on_topic is None:
            self._on_topic = await self._read()
        return self._on_topic.get(key.encode())

    async def _read(self) -> dict[bytes, bytes]:
        policies = [self._topics.policy.name]
        records = follow(self._kafka, policies, start="beginning", until_end=True, patience=_PATIENCE_S)
        try:
            return {record.key: record.value async for record in records if record.key and record.value}
        except BusError:
            return {}  # no broker: the caller reports what is missing
