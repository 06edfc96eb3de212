"""What signatures cost the router: jobs a second of one lane on one core, without Kafka.

python -m pointsman.bench.hop.signed
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count, islice
from struct import pack
from time import process_time

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pointsman import starter
from pointsman.bus.codec.record_batch import RecordBatch, read_batches
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.client.job import as_record, make_job
from pointsman.identity.keys import PrivateKey
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import load_text
from pointsman.runtime.native import library
from pointsman_schemas.control.registry import AgentEntry, RegistryRules
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topics import Topics

JOBS, _BATCH, _PARTITIONS = 10_000, 500, 4
_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TOPICS, _AGENT = Topics(), "data-analyst"
_PROMPT = "Which VAT rate holds for books in Austria? " * 10


def registry(key: PrivateKey, *, signed: bool) -> RegistryInForce:
    """Of one agent."""
    entry = AgentEntry(id=_AGENT, owner="finance", public_keys=(key.public.text,))
    rules = RegistryRules(unregistered="reject", identity="signed" if signed else "claimed")
    return RegistryInForce(Registry.of([entry], rules))


def jobs(key: PrivateKey | None, number: int) -> list[Outgoing]:
    """So many, all for partition 0."""
    ids = (str(uuid7(_NOW)) for _ in count())
    here = (id for id in ids if partition_of(id.encode(), _PARTITIONS, count()) == 0)
    body = {"agent_id": _AGENT, "kind": "sql", "prompt": _PROMPT}
    made = [make_job({**body, "job_id": id}, {}, None, _NOW, largest=1 << 20) for id in islice(here, number)]
    sent = [as_record(job, _TOPICS, _NOW) for job in made]
    return sent if key is None else [sign(record, key) for record in sent]


def batches(records: Sequence[Outgoing]) -> list[RecordBatch]:
    """As the broker has them, with its own time."""
    data = b""
    for first in range(0, len(records), _BATCH):
        builder = DefaultRecordBatchBuilder(2, DefaultRecordBatch.CODEC_ZSTD, 0, -1, 0, 0, 1 << 30)
        for place, record in enumerate(records[first : first + _BATCH]):
            builder.append(place, int(_NOW.timestamp() * 1000), record.key, record.value, record.headers)
        batch = bytearray(builder.build())
        batch[:8], batch[22] = pack(">q", first), batch[22] | 0x08
        batch[17:21] = pack(">I", calc_crc32c(bytes(batch[21:])))
        data += batch
    return read_batches((_TOPICS.intake.name, 0), 0, data, ())[0]


def measure(policy: Policy, in_force: RegistryInForce, records: Sequence[Outgoing], *, fast: bool) -> float:
    """Jobs a second of processor time; the first job is not counted."""
    score = FastScore(policy.scorer) if fast else None
    partitions: Callable[[], int] = lambda: _PARTITIONS  # noqa: E731
    lane = RouterHandler(
        policy, in_force, _TOPICS, lambda: _NOW, fast_score=score, partitions=partitions, remembered=JOBS
    )
    first, rest = batches(records[:1]), batches(records[1:])
    for batch in [*first, *rest]:
        if batch is rest[0]:
            began = process_time()
        if lane.whole([batch]) is None:
            lane(list(batch.records()))
    return (len(records) - 1) / (process_time() - began)


def main() -> None:
    """Print a row for each way."""
    policy = Policy.compile(load_text(starter.POLICY)[0])
    key = PrivateKey.generate()
    signed, unsigned = jobs(key, JOBS), jobs(None, JOBS)
    for fast in (False, True) if library() is not None else (False,):
        path = "fast path" if fast else "full path"
        for words, records, demanded in (
            ("not signed", unsigned, False),
            ("signed, not demanded", signed, False),
            ("signed and demanded", signed, True),
        ):
            rate = measure(policy, registry(key, signed=demanded), records, fast=fast)
            sys.stdout.write(f"{path}  {words:22} {rate:10,.0f} jobs/s\n")


if __name__ == "__main__":
    main()
