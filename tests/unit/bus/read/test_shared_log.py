"""The shared topic of workers: an unresponsive broker causes an error that callers expect."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from pointsman.bus import connection
from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.consume import fetcher
from pointsman.bus.errors import BusError
from pointsman.bus.partition import Partition
from pointsman.bus.read import follow, partitions, shared_log
from pointsman.bus.read.shared_log import SharedLog
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics


class Client:
    """Connected to brokers that know the partition and never answer fetches."""

    cluster = SimpleNamespace(leader_for_partition=lambda _: None)

    def __init__(self, **_: Any) -> None: ...
    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def bootstrap(self) -> None: ...
    async def close(self) -> None: ...
    async def set_topics(self, _: set[str]) -> None: ...
    def force_metadata_update(self) -> None: ...
    def get_random_node(self) -> int:
        return 1

    async def send(self, *_: object) -> dict[str, TopicId]:
        return {Topics("t").limits.name: TopicId("cluster", UUID(int=1))}

    async def fetch_all_metadata(self) -> Any:
        name = Topics("t").limits.name
        return SimpleNamespace(topics=lambda: {name}, partitions_for_topic=lambda _: {0})


class Partitions(partitions.Partitions):
    """A double with known offsets."""

    async def offsets(self, times: Any) -> Any:
        return dict.fromkeys(times, 9)

    async def first(self, place: Partition) -> int:
        return 0


async def test_a_partition_without_answers_is_an_error_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def there(*_: object) -> None: ...

    settings = LanePart()
    now = iter(range(0, 1_000_000, settings.stall_timeout_ms // 4000))
    monkeypatch.setattr(fetcher, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(connection, "AIOKafkaClient", Client)
    monkeypatch.setattr(fetcher, "Partitions", Partitions)
    monkeypatch.setattr(follow, "await_server", there)
    monkeypatch.setattr(shared_log, "Publisher", lambda _: Client())
    with pytest.raises(BusError, match="no broker has answered"):
        async with SharedLog(settings, Topics("t").limits, "pointsman/worker") as log:
            assert await log.read() == []
            for _ in range(9):
                await log.read()
