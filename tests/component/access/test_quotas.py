"""The broker throttles an agent that sends more than its entry allows, and no other agent."""

from dataclasses import replace

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, by_topic, compact
from tests.support.access import requests
from tests.support.access.installation import PREFIX, Guarded
from tests.support.access.session import Session

pytestmark = [pytest.mark.stack, pytest.mark.slow]

INTAKE = f"{PREFIX}.jobs.intake"
_VALUE = bytes(range(256)) * 1024
_MOST = 40


async def test_the_broker_throttles_an_agent_that_sends_too_much(guarded: Guarded) -> None:
    slow, router = f"{PREFIX}.agent.reader-2", f"{PREFIX}.router"
    assert guarded.access.quotas[slow]["producer_byte_rate"] * 11 < _MOST * len(_VALUE)
    async with Session(guarded.part(router)) as session:
        assert [await session.code(_large()) for _ in range(_MOST)] == [0] * _MOST
    async with Session(guarded.part(slow)) as session:
        delays: list[int] = []
        while not any(delays) and len(delays) < _MOST:
            delays.append(await session.code(_large()))
    assert any(delays)


def _large() -> Packed:
    """Sends a record of 256 KiB. Returns the broker's throttle time in milliseconds."""
    batch = DefaultRecordBatchBuilder(2, DefaultRecordBatch.CODEC_NONE, False, -1, -1, -1, 1 << 20)
    batch.append(0, None, b"key", _VALUE, [])
    partition = requests.int32(0) + compact(bytes(batch.build())) + NO_TAGS
    body = (
        compact(None) + requests.int16(-1) + requests.int32(5_000) + by_topic({INTAKE: [partition]}) + NO_TAGS
    )
    return replace(requests.produce(INTAKE), body=body, RESPONSE_TYPE=ResponseReader(_throttled))


def _throttled(answer: WireReader) -> int:
    def topic(answer: WireReader) -> None:
        answer.compact()
        answer.array(_partition)
        answer.tags()

    answer.array(topic)
    return int.from_bytes(answer.take(4), "big")


def _partition(answer: WireReader) -> None:
    answer.take(4)
    assert int.from_bytes(answer.take(2), "big") == 0
    answer.take(24)
    answer.array(lambda _: None)
    answer.compact()
    answer.tags()
