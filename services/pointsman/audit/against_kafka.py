"""Compares the stored rows with the records that the topics still have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pointsman.bus.codec.records import Incoming
from pointsman.store.append.chapters import kafka_topic
from pointsman.store.append.lanes import StoredPartition
from pointsman.store.append.record import record_digest
from pointsman.store.verify.digests import Digests
from pointsman.store.verify.findings import Finding, Wrong


@dataclass(slots=True)
class Comparison:
    """Counts of records. `same`: stored unchanged; `not_yet`: not stored yet, after their lane's position.

    `older`: from before the chain; `dropped`: deleted by retention; `closed`: masked or sealed, with a digest
    whose key is erased or not available.
    """

    same: int = 0
    not_yet: int = 0
    older: int = 0
    dropped: int = 0
    closed: int = 0
    findings: list[Finding] = field(default_factory=list)


class AgainstKafka:
    """Takes records from a `read_committed` reader, in order within each lane.

    Reports the first record of each lane that differs, is not stored, or is stored but not in Kafka.
    """

    def __init__(self, digests: Digests, compacted: Callable[[str], bool]) -> None:
        """`compacted`: whether compaction may have removed records of a topic."""
        self._digests = digests
        self._compacted = compacted
        self._next: dict[StoredPartition, int] = {}
        self._found: set[tuple[StoredPartition, Wrong]] = set()
        self.result = Comparison()

    async def take(self, records: Sequence[Incoming]) -> None:
        """Compare the next records.

        Raises:
            StoreUnavailableError, StoreError: the query failed.
        """
        lanes: dict[StoredPartition, list[Incoming]] = {}
        for record in records:
            lanes.setdefault(self._digests.lane(record.topic, record.partition), []).append(record)
        for lane, batch in lanes.items():
            await self._compare(lane, batch)

    async def _compare(self, lane: StoredPartition, batch: Sequence[Incoming]) -> None:
        first = self._next.get(lane, batch[0].offset)
        self._next[lane] = batch[-1].offset + 1
        stored = await self._digests.between(lane, first, batch[-1].offset)
        position = self._digests.positions.get(lane, 0)
        for record in batch:
            if record.offset not in stored:
                if record.offset >= position:
                    self.result.not_yet += 1
                elif self._digests.dropped(lane, record.offset):
                    self.result.dropped += 1
                else:
                    self._report(
                        lane, Wrong.NOT_STORED, record.offset, "it is on Kafka and not in the database"
                    )
                continue
            stored_row = stored.pop(record.offset)
            if stored_row.digest is None:
                self.result.older += 1
            elif stored_row.closed:
                self.result.closed += 1
            elif stored_row.is_of(digest_of(record)):
                self.result.same += 1
            else:
                self._report(lane, Wrong.KAFKA_DIFFERS, record.offset, "it is another record on Kafka")
        if stored and not self._compacted(kafka_topic(lane[0])):
            self._report(lane, Wrong.NOT_KAFKA, min(stored), "it is in the database and not on Kafka")

    def _report(self, lane: StoredPartition, wrong: Wrong, offset: int, problem: str) -> None:
        if (lane, wrong) not in self._found:
            self._found.add((lane, wrong))
            self.result.findings.append(Finding(wrong, problem, *lane, offset))


def digest_of(record: Incoming) -> bytes:
    return record_digest(record.origin, record.timestamp_ms, record.key, record.value, record.headers)
