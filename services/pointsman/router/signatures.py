"""Checks the signature of an intake record, before anything else.

Invariants:
- Where signatures are required, a record without a valid one gets no outcome: even its job id is only a
  claim, and the outcome might end another agent's job.
- Where signatures are required, a record whose publisher chose its job's id is routed only in the lane of its
  key, by Java's default partitioner; in another lane it is republished. So one lane sees every copy of it.
"""

from collections.abc import Callable
from itertools import count

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import verify_record
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.identity.verify import GOOD_FOR, AgentKeys, SignatureVerdict
from pointsman.router.admission import Refused
from pointsman.router.causation import given_id, lane_key
from pointsman_schemas.reasons import Reason

#: Returns the agents' keys if agents must sign; None if the agent id is trusted as given.
Keys = Callable[[], AgentKeys | None]


#: How long a used signature may still be valid, as the sender's clock may have been ahead.
LOOKS_BACK = 2 * GOOD_FOR
_KEYLESS: "count[int]" = count()

#: Refusals of a genuine signature: the sender is known, so the dead letter may name the job.
KNOWN = frozenset({Reason.SIGNATURE_STALE, Reason.SIGNATURE_REPEATED})


class SignatureCheck:
    """One per lane. `use`: as `UsedSignatures.use`.

    `partitions`: returns the intake's number of partitions.
    """

    def __init__(
        self,
        keys: Keys,
        use: Callable[[str, bytes, int, int], SignatureVerdict],
        partitions: Callable[[], int],
    ) -> None:
        self._keys = keys
        self._partitions = partitions
        self._use = use

    def is_misrouted(self, record: Incoming, decoded: Accepted | Malformed) -> bool:
        """Whether the record must be republished, to reach the lane of its job."""
        if given_id(decoded) is None:
            return False
        key = lane_key(decoded)
        return record.key != key or (self._keys() is not None and not self._leads_to(record, key))

    def refusal(self, record: Incoming, decoded: Accepted | Malformed) -> Refused | None:
        """Return why the record is refused; None if it is accepted. A valid signature is then used up."""
        keys = self._keys()
        if keys is None:
            return None
        agent = decoded.agent_id if isinstance(decoded, Malformed) else decoded.job.agent_id
        if agent is None:  # no agent whose keys could be checked
            return Refused(decoded.reason, decoded.message) if isinstance(decoded, Malformed) else None
        signed = verify_record(record, agent, keys)
        verdict = signed.verdict
        if verdict is SignatureVerdict.VALID and not self.is_misrouted(record, decoded):
            verdict = self._use(agent, signed.raw, signed.time_ms, record.timestamp_ms)
        return None if verdict is SignatureVerdict.VALID else _refused(verdict, agent, record)

    def _leads_to(self, record: Incoming, key: bytes) -> bool:
        return partition_of(key, self._partitions(), _KEYLESS) == record.partition


def _refused(verdict: SignatureVerdict, agent: str, record: Incoming) -> Refused:
    match verdict:
        case SignatureVerdict.MISSING:
            message = (
                f"agent `{agent}` must sign what it sends, and the header ce_signature is not there: "
                "`pointsman publish --key FILE`, Client(key=...), or see docs/contract.md"
            )
        case SignatureVerdict.FOREIGN:
            message = f"the signature is of none of the keys that the registry has for agent `{agent}`"
        case SignatureVerdict.STALE if not record.by_broker:
            message = (
                f"{record.topic} does not say when the broker took a record, so that nobody knows how old it "
                "is: pointsman topics apply"
            )
        case SignatureVerdict.STALE:
            message = (
                "a signature is good for five minutes around the time at which the broker took the record, "
                "and ce_time is further away than that; sign again, by a clock that is right"
            )
        case SignatureVerdict.REPEATED:
            message = "this signed record came before, and that one stands; sign a new one, with a new ce_id"
        case _:
            message = (
                f"the signature does not fit what it should cover, or is not written as it should be: key, "
                f"topic {record.topic}, ce_id, ce_time and the value, see docs/contract.md"
            )
    return Refused(_REASONS[verdict], message)


_REASONS = {
    SignatureVerdict.MISSING: Reason.SIGNATURE_MISSING,
    SignatureVerdict.WRONG: Reason.SIGNATURE_WRONG,
    SignatureVerdict.FOREIGN: Reason.SIGNATURE_FOREIGN,
    SignatureVerdict.STALE: Reason.SIGNATURE_STALE,
    SignatureVerdict.REPEATED: Reason.SIGNATURE_REPEATED,
}
