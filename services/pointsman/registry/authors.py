"""Verifies that a command or verdict is by the agent that it names, if signatures are required."""

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

#: Whether a record counts as one of this agent's; asked once for each record.
IsBy = Callable[[Incoming, str], bool]


class Authors:
    """For a topic that one process reads in full, so that it sees every copy of a record."""

    def __init__(self, in_force: RegistryInForce, clock: Clock = utc_now) -> None:
        self._in_force = in_force
        self._clock = clock
        self._used = UsedSignatures()

    @property
    def proven(self) -> bool:
        """Whether an agent's word is not enough."""
        return self._in_force.demands_signatures

    def is_by(self, record: Incoming, agent_id: str) -> bool:
        """Whether it is by that agent, as far as is asked; a good signature is used up."""
        keys = self._in_force.keys_at(self._clock())
        if keys is None:
            return True
        signed = verify_record(record, agent_id, keys)
        verdict = signed.verdict
        if verdict is SignatureVerdict.VALID:
            verdict = self._used.use(agent_id, signed.raw, signed.time_ms, record.timestamp_ms)
        if verdict is SignatureVerdict.VALID:
            return True
        fields = {"agent_id": agent_id, "signature": verdict, **record.place}
        event(log, logging.WARNING, Event.COMMAND_REFUSED, **fields)
        return False
