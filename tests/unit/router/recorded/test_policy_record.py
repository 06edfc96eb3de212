"""Recorded policies and models are read from the topic if the database has lost them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import pytest

from pointsman.bus.codec.records import Incoming
from pointsman.router.policy_publisher import records as policy_records
from pointsman.router.recorded import policy_record
from pointsman.router.recorded.policy_record import PolicyRecord
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.decisions import Decisions
from tests.support.router.fixed_score import fixed_score
from tests.support.router.router_lanes import NOW, TOPICS
from tests.support.router.scored_policy import TEXT, scored_file

FILE = scored_file(fixed_score({}))


class Lost:
    """A database that has neither policies nor models any more."""

    async def policy(self, version: str) -> None: ...
    async def model(self, sha256: str) -> None: ...


def published() -> list[Incoming]:
    return [
        Incoming(record.topic, 0, offset, 0, record.key, record.value, tuple(record.headers))
        for offset, record in enumerate(policy_records(TOPICS, FILE, TEXT, [], NOW))
    ]


@pytest.mark.parametrize("value", [None, b""])
async def test_records_without_a_key_or_a_value_take_nothing_away(
    value: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, policy = published()
    emptied = [replace(record, value=value) for record in (model, policy)]
    keyless = [replace(policy, key=None), replace(policy, key=b"")]

    async def follow(*_: object, **__: object) -> AsyncIterator[Incoming]:
        for record in (model, policy, *emptied, *keyless):
            yield record

    monkeypatch.setattr(policy_record, "follow", follow)
    record = PolicyRecord(cast(Decisions, Lost()), KafkaPart(), TOPICS)
    applied = await record.policy_on_topic(FILE.version)
    assert applied is not None and applied.text == TEXT
    assert applied.model is not None and await record.model(applied.model.sha256) is not None
