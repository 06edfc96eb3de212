"""Publishes the policy and its models, so that each decision can be recomputed.

Invariants:
- Both are on the topic `policy` before they decide the first job; the audit stores them.
- Keys identify contents: nothing is written twice, and compaction loses nothing. A policy written by a
  release without the field `tiers` is written again, with it.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime

from pointsman.bus.codec.decode import message_in
from pointsman.bus.codec.emit import emit_own
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.runtime.clock import Clock
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.topics import Topics

SOURCE = "pointsman/router"


async def publish_policy(kafka: KafkaPart, topics: Topics, file: PolicyFile, text: str, clock: Clock) -> int:
    """Publish the policy with text `text` and its models unless they are there; return how many were not.

    Raises:
        BusError: they are not, or perhaps not, published.
    """
    published = follow(kafka, [topics.policy.name], start="beginning", until_end=True)
    existing = [record async for record in published]
    missing = list(records(topics, file, text, existing, clock()))
    if missing:
        async with Publisher(kafka) as publisher:
            await publisher.publish(missing)
    return len(missing)


def records(
    topics: Topics, file: PolicyFile, text: str, existing: Sequence[Incoming], now: datetime
) -> Iterator[Outgoing]:
    """Yield the records that the topic lacks, given its `existing` ones: models first, then the policy."""
    values = {record.key: record.value for record in existing}
    kept_keys = [record.key or b"" for record in existing if values[record.key] is not None]
    policies = [record for record in existing if (record.key or b"").startswith(b"policy/")]
    latest = [(record.key, _tells_tiers(record)) for record in policies if values[record.key] is not None][
        -1:
    ]
    model = None if file.score is None else file.score.model
    accept = None if file.cascade is None else file.cascade.model
    section = None if file.score is None else file.score.opinion
    opinion = None if section is None else section.model
    for model_file in (model, accept, opinion):
        if model_file is not None and (key := f"model/{model_file.sha256}").encode() not in kept_keys:
            content = base64.b64encode(model_file.content).decode()
            yield emit_own(
                topics.policy, key, SOURCE, ModelApplied(model=model_file.named, content=content), now
            )
    key = f"policy/{file.version}"
    if latest != [(key.encode(), True)]:
        applied = PolicyApplied(
            name=file.name,
            policy_version=file.version,
            text=text,
            model=None if model is None else model.named,
            accept=None if accept is None else accept.named,
            opinion=None if opinion is None else opinion.named,
            tiers=file.tiers,
            models=file.models,
        )
        yield emit_own(topics.policy, key, SOURCE, applied, now)


def _tells_tiers(record: Incoming) -> bool:
    applied = message_in(record)
    return isinstance(applied, PolicyApplied) and bool(applied.tiers)
