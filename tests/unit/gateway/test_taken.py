"""A retry finds the latest job with its body that no client has left."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.settings import LanePart
from pointsman.gateway.asking import taken as module
from pointsman.gateway.asking.taken import TakenRequests
from pointsman.runtime.clock import utc_now
from tests.support.gateway.heard import TOPICS, job
from tests.support.gateway.requests_topic import follower_of

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
    monkeypatch.setattr(module, "Follower", follower_of(written, TOPICS.requests.name))
    assert await HERE.job_id("app", b"d") == found
    assert await HERE.is_left(X, b"d") is is_left
