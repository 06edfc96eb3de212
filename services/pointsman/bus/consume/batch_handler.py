"""The interface of a batch lane's handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.processing_delay import Times


@dataclass(frozen=True, slots=True)
class BatchesHandled:
    """The outputs for whole Kafka batches, and the timestamps of their records."""

    made: list[Made]
    times: Times


class BatchHandler(Protocol):
    """Makes output records from a batch; does no I/O. Each lane has its own, which may remember records.

    Records of one partition come one by one or as whole Kafka batches: to be handled, or only to be
    remembered if they were handled before this object was created.
    """

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        """Return all outputs for `records`. An encoded batch must not contain large values."""

    def handle_batches(self, batches: Sequence[RecordBatch]) -> BatchesHandled | None:
        """Return all outputs for whole Kafka batches, in order.

        None: they must be passed to `handle_records`, and nothing was remembered. This happens if a record's
        value is in the store of large values.
        """

    def remember_records(self, records: Sequence[Incoming]) -> None:
        """Remember records that were handled before this object was created."""

    def remember_batch(self, batch: RecordBatch) -> bool:
        """Remember a whole Kafka batch; False if its records must be passed to `remember_records`."""

    def fail(self, record: Incoming) -> list[Outgoing]:
        """Return the outputs that end a record on which an earlier handler failed.

        This handler has not seen the record.
        """
