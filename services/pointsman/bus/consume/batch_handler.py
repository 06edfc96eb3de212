"""The handler of a batch lane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.hop import Times


@dataclass(frozen=True, slots=True)
class Whole:
    """The records made from whole Kafka batches, and the input records' timestamps."""

    made: list[Made]
    times: Times


class BatchHandler(Protocol):
    """Makes output records from a batch; does no I/O. One per lane, so it may remember the lane's records."""

    def warm(self, records: Sequence[Incoming]) -> None:
        """Remember records that were dealt with before this object existed."""

    def recall(self, batch: RecordBatch) -> bool:
        """As `warm`, of one of Kafka's own; False: its records have to be shown to `warm`."""

    def __call__(self, records: Sequence[Incoming]) -> list[Made]:
        """Everything that follows from `records`; what is encoded holds no large value."""

    def fail(self, record: Incoming) -> list[Outgoing]:
        """What ends a record that the handler has failed on, in an object that has not met it."""

    def whole(self, batches: Sequence[RecordBatch]) -> Whole | None:
        """Everything that follows from Kafka's own batches, in their order.

        None: they have to be handed over record by record; then nothing was remembered. That is so where a
        record refers to a value kept elsewhere.
        """
