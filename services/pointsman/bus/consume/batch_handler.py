"""The interface of a batch lane's handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.processing_delay import Times


@dataclass(frozen=True, slots=True)
class Whole:
    """The outputs for whole Kafka batches, and the timestamps of their records."""

    made: list[Made]
    times: Times


class BatchHandler(Protocol):
    """Makes output records from a batch; does no I/O. Each lane has its own, which may remember records."""

    def warm(self, records: Sequence[Incoming]) -> None:
        """Remember records that were handled before this object was created."""

    def recall(self, batch: RecordBatch) -> bool:
        """Remember a whole batch, as `warm`; False if it must be passed to `warm` record by record."""

    def __call__(self, records: Sequence[Incoming]) -> list[Made]:
        """Return all outputs for `records`. An encoded batch must not contain large values."""

    def fail(self, record: Incoming) -> list[Outgoing]:
        """Return the outputs that end a record on which another instance of the handler failed."""

    def whole(self, batches: Sequence[RecordBatch]) -> Whole | None:
        """Return all outputs for whole Kafka batches, in order.

        None: they must be passed record by record, and nothing was remembered. This happens if a record's
        value is in the store of large values.
        """
