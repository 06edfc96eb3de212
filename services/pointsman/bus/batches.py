"""Records of one transaction in Kafka's batches, one after another for each partition."""

import time
from collections.abc import Iterator, Sequence

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from pointsman.bus.records import Outgoing

#: Aim of one produce batch before compression, bytes.
BATCH_BYTES = 512 * 1024

_MAGIC = 2


def batches(records: Sequence[Outgoing], producer_id: int, epoch: int) -> Iterator[bytes]:
    """As few as hold `records`; numbered, so that the broker notices when one is missing or comes twice."""
    now_ms = int(time.time() * 1000)
    first = 0
    while first < len(records):
        batch = DefaultRecordBatchBuilder(
            _MAGIC,
            DefaultRecordBatch.CODEC_ZSTD,
            is_transactional=1,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=first,
            batch_size=BATCH_BYTES,
        )
        count = 0
        for record in records[first:]:
            # The first record of a batch always fits.
            if batch.append(count, now_ms, record.key, record.value, record.headers) is None:
                break
            count += 1
        first += count
        yield bytes(batch.build())
