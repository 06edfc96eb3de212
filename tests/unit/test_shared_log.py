"""The log that workers share, when its broker brings nothing: an error that whoever reads it expects."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from pointsman.bus import poll, shared_log
from pointsman.bus.errors import BusError
from pointsman.bus.settings import LanePart
from pointsman.bus.shared_log import SharedLog
from pointsman_schemas.topics import Topics


class Client:
    """Consumer and publisher of a log that ends at 9, of which 7 records were read."""

    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, _: Sequence[TopicPartition]) -> None: ...

    async def getmany(self, *_: object, **__: object) -> dict[TopicPartition, list[object]]:
        return {}

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, 9)

    async def position(self, _: TopicPartition) -> int:
        return 7


async def test_records_that_are_there_and_do_not_come_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LanePart()
    steps = iter(range(0, 10_000, settings.stall_timeout_ms // 1000))
    monkeypatch.setattr(poll, "time", SimpleNamespace(monotonic=lambda: next(steps)))
    monkeypatch.setattr(shared_log, "AIOKafkaConsumer", lambda **_: Client())
    monkeypatch.setattr(shared_log, "Publisher", lambda _: Client())
    log = SharedLog(settings, Topics("t").limits, "pointsman/worker")
    with pytest.raises(BusError, match="stands at 0, its end is 9"):
        async with log:
            for _ in range(4):
                await log.read()
