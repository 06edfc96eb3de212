"""Finds, in the audit, intake records that the router refused."""

from collections.abc import Collection

import orjson

from pointsman.store.connect import connected, translated
from pointsman.store.sql import query
from pointsman_schemas.ids import derived_id

#: Topic, partition and offset.
Origin = tuple[str, int, int]


#: Derivation steps of the messages that the router makes from an accepted record.
_STEPS = ("routed", "undecided", "rekey")


async def refused(dsn: str, records: Collection[Origin]) -> set[Origin]:
    """Return those of `records` that have a dead letter and no other message derived from them.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    topics, partitions, offsets = zip(*records, strict=True)
    origins = [
        orjson.dumps([["ce_origin", f"{topic}/{partition}@{offset}"]]).decode()
        for topic, partition, offset in records
    ]
    origins_by_id = {derived_id(*origin, step): origin for origin in records for step in _STEPS}
    async with connected(dsn) as connection:
        with translated(dsn):
            letters = await connection.fetch(query("refused"), topics, partitions, offsets, origins)
            stored = await connection.fetch(query("known_ids"), list(origins_by_id))
    dead_letters = {(row["topic"], row["partition"], row["offset"]) for row in letters}
    return dead_letters - {origins_by_id[row["message_id"]] for row in stored}
