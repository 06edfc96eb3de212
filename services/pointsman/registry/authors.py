"""Verifies that a command or verdict is from the agent that it names, if signatures are required."""

import logging
from collections.abc import Callable

from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import verify_record
from pointsman.identity.used import UsedSignatures
from pointsman.identity.verify import SignatureVerdict
from pointsman.registry.in_force import RegistryInForce
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: Whether a record is from this agent; call it once per record.
IsBy = Callable[[Incoming, str], bool]


class Authors:
    """Verifies a topic's records. One process must read the whole topic, to detect repeated records."""

    def __init__(self, in_force: RegistryInForce, clock: Clock = utc_now) -> None:
        self._in_force = in_force
        self._clock = clock
        self._used = UsedSignatures()

    @property
    def proven(self) -> bool:
        """Whether signatures are required."""
        return self._in_force.demands_signatures

    def is_by(self, record: Incoming, agent_id: str) -> bool:
        """Return whether the record is from that agent; a valid signature can be used only once."""
        keys = self._in_force.keys_at(self._clock())
        if keys is None:
            return True
        signed = verify_record(record, agent_id, keys)
        verdict = signed.verdict
        if verdict is SignatureVerdict.VALID:
            verdict = self._used.use(agent_id, signed.raw, signed.time_ms, record.timestamp_ms)
        if verdict is SignatureVerdict.VALID:
            return True
        fields = {"agent_id": agent_id, "signature": verdict, **record.log_fields}
        event(log, logging.WARNING, Event.COMMAND_REFUSED, **fields)
        return False
