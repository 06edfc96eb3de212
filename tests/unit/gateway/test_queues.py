"""Queue information for clients: never more than the jobs ahead, and only measured waiting times."""

import pytest

from pointsman.bus.admin.topic_progress import TopicProgress
from pointsman.gateway.waiting.queues import Queues


def seen(*looks: tuple[float, int, int], tier: str = "small") -> Queues:
    queues = Queues()
    for at, end, done in looks:
        queues.take(at, {None: TopicProgress(5, 5), tier: TopicProgress(end, done)})
    return queues


def test_later_jobs_are_not_counted() -> None:
    queues = seen((0, 100, 40))
    marks = queues.marks()
    assert queues.before(marks, "small") == 60
    queues.take(2, {None: TopicProgress(5, 5), "small": TopicProgress(500, 90)})
    assert queues.before(marks, "small") == 10
    queues.take(4, {None: TopicProgress(5, 5), "small": TopicProgress(500, 400)})
    assert queues.before(marks, "small") == 0


def test_for_auto_the_longest_queue_and_the_intake_are_reported() -> None:
    queues = Queues()
    queues.take(0, {None: TopicProgress(10, 7), "small": TopicProgress(20, 10), "large": TopicProgress(9, 8)})
    marks = queues.marks()
    assert [queues.before(marks, tier) for tier in ("small", "large", None, "gone")] == [13, 4, 13, 3]


@pytest.mark.parametrize(
    ("looks", "wait_s"),
    [
        pytest.param([], 0, id="never seen"),
        pytest.param([(100, 1_000, 0)], 0, id="seen once"),
        pytest.param([(90, 1_000, 0), (100, 1_000, 0)], 0, id="nothing moves"),
        pytest.param([(99, 1_000, 0), (100, 1_000, 100)], 0, id="seen for too short a time"),
        pytest.param([(50, 1_000, 0), (80, 1_000, 100)], 0, id="seen too long ago"),
        pytest.param([(90, 1_000, 0), (100, 1_000, 100)], 45, id="ten a second, or twice as many"),
        pytest.param([(90, 1_000, 500), (100, 100, 50)], 0, id="made anew"),
        pytest.param([(20, 1_000, 0), (90, 1_000, 100), (100, 1_000, 300)], 17.5, id="the last minute"),
    ],
)
def test_only_measured_waits_are_reported(looks: list[tuple[float, int, int]], wait_s: float) -> None:
    assert seen(*looks).wait_s("small", 100) == wait_s


def test_for_auto_the_shortest_wait_counts() -> None:
    queues = Queues()
    for at, done in ((0.0, 0), (10.0, 100)):
        queues.take(
            at,
            {
                None: TopicProgress(0, 0),
                "small": TopicProgress(1_000, done),
                "large": TopicProgress(300, done),
            },
        )
    assert (queues.wait_s("small", 10), queues.wait_s("large", 10), queues.wait_s(None, 10)) == (45, 10, 10)
    queues.take(
        10, {None: TopicProgress(0, 0), "small": TopicProgress(1_000, 100), "free": TopicProgress(0, 0)}
    )
    assert queues.wait_s(None, 10) == 0
