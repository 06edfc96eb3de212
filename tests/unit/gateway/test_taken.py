"""A retry finds the last job of its body that nobody has left."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.settings import LanePart
from pointsman.gateway.asking import taken as module
from pointsman.gateway.asking.taken import TakenRequests
from pointsman.runtime.clock import utc_now
from tests.support.gateway.heard import TOPICS, job

HERE, THERE = (TakenRequests(LanePart(prefix="t"), TOPICS, utc_now) for _ in range(2))
X, Y = job(), job()


@pytest.mark.parametrize(
    ("written", "found", "is_left"),
    [
        ([], None, False),
        ([HERE.record(X, b"d")], X.job_id, False),
        ([HERE.record(X, b"d"), THERE.record(X, b"d")], X.job_id, False),
        ([HERE.record(X, b"d"), HERE.record(X, b"d", left=True)], None, True),
        ([HERE.record(X, b"d", left=True)], None, True),
        ([HERE.record(X, b"d"), HERE.record(X, b"d", left=True), THERE.record(X, b"d")], None, True),
        ([HERE.record(X, b"d"), THERE.record(X, b"d"), HERE.record(X, b"d", left=True)], X.job_id, False),
        ([THERE.record(X, b"d"), HERE.record(X, b"d"), THERE.record(X, b"d", left=True)], X.job_id, False),
        ([THERE.record(X, b"d"), HERE.record(X, b"d"), HERE.record(X, b"d", left=True)], None, True),
        ([HERE.record(X, b"d"), THERE.record(Y, b"d"), HERE.record(X, b"d", left=True)], Y.job_id, True),
        ([THERE.record(X, b"d"), HERE.record(Y, b"d"), HERE.record(X, b"d")], X.job_id, False),
        ([HERE.record(Y, b"other")], None, False),
        ([HERE.record(job(agent_id="stranger"), b"d")], None, False),
    ],
)
async def test_who_has_the_job_of_a_body(
    monkeypatch: pytest.MonkeyPatch, written: Sequence[Outgoing], found: UUID | None, is_left: bool
) -> None:
    class Follower:
        def __init__(self, *_: object, **__: object) -> None:
            self.ended = False

        async def __aenter__(self) -> "Follower":
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def read(self) -> list[Incoming]:
            self.ended = True
            return [
                Incoming(sent.topic, 0, at, 0, sent.key, sent.value, tuple(sent.headers))
                for at, sent in enumerate(written)
            ]

    monkeypatch.setattr(module, "Follower", Follower)
    assert await HERE.job_id("app", b"d") == found
    assert await HERE.is_left(X, b"d") is is_left
