"""The time a job's calls were in flight: concurrent calls count once."""

from datetime import timedelta
from typing import Any

import pytest

from pointsman.worker.outcome import provider_ms
from pointsman_schemas.calls import CallFinished
from tests.support.worker.routed_jobs import NOW


def calls(*spans: tuple[float, float]) -> list[CallFinished]:
    abouts: list[dict[str, Any]] = [
        {"started_at": NOW + timedelta(milliseconds=start), "duration_ms": duration}
        for start, duration in spans
    ]
    return [CallFinished.model_construct(**about) for about in abouts]


@pytest.mark.parametrize(
    ("spans", "ms"),
    [
        pytest.param([(0, 40)], 40, id="one"),
        pytest.param([(0, 40), (1_000, 60)], 100, id="one after another"),
        pytest.param([(0, 100), (60, 100)], 160, id="a hedge"),
        pytest.param([(0, 100), (20, 30)], 100, id="one within another"),
        pytest.param([(500, 10), (0, 10)], 20, id="ended in another order"),
    ],
)
def test_calls_side_by_side_count_once(spans: list[tuple[float, float]], ms: float) -> None:
    assert provider_ms(calls(*spans)) == pytest.approx(ms)


def test_no_call_takes_no_time() -> None:
    assert provider_ms([]) is None
