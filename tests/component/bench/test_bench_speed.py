"""The speed benchmarks run and report figures; the values do not matter here."""

from pathlib import Path

import pytest

from tests.support.running.benched import measured
from tests.support.running.command import Command

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_hops_bench() -> None:
    report = measured("hop", "--messages", "50000", "--rounds", "2", "--score")
    assert set(report["hops"]) == {"nothing", "rules", "score"}
    assert all(hop["per_second"] > 0 for hops in report["rounds"] for hop in hops.values())
    assert report["ratios"]["nothing"] == {"per_second": 1, "client_us": 1}
    first, second = (hops["rules"]["per_second"] / hops["nothing"]["per_second"] for hops in report["rounds"])
    assert report["ratios"]["rules"]["per_second"] == pytest.approx((first + second) / 2)


def test_the_journeys_bench() -> None:
    report = measured("journey", "--rate", "20", "--seconds", "3")
    assert report["jobs"] == 60
    assert set(report["hops"]) == {"router", "worker", "back to the client"}
    ours = {"router", "worker-small", "worker-medium", "worker-frontier", "audit"}
    assert set(report["memory_mb"]) == {*ours, "simulator"}
    assert set(report["cpu_ms"]) == {*ours, "simulator", "Kafka", "Postgres"}
    assert report["whole"]["p50"] <= report["whole"]["p99"] <= report["whole"]["longest"]


def test_the_workers_bench() -> None:
    report = measured(
        "worker", "--case", "50:8", "--seconds", "1", "--backlog", "2000", "--backlog-seconds", "1"
    )
    (case,) = report["cases"]
    assert (case["latency_ms"], case["limit"], case["jobs"]) == (50, 8, 160)
    assert case["worker"]["in_flight"] == case["bare"]["in_flight"] == 8
    assert case["worker"]["per_second"] <= case["ideal"] == 160
    assert case["worker"]["cpu_ms"] > 0
    assert report["backlog"]["waiting"] == 2000
    assert report["backlog"]["peak_memory_mb"] > 0


async def test_an_unknown_case_is_refused(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run("bench", "worker", "--case", "fast")
    assert (done.code, done.out) == (2, "")
    assert "'fast' is no case" in done.err


def test_the_tiers_bench() -> None:
    report = measured("tiers", "--rate", "5", "--seconds", "2", "--flood", "200")
    assert set(report["tiers"]) == {"small", "medium"}
    for tier in report["tiers"].values():
        assert tier["jobs"] == 10
        assert tier["alone"]["p50"] >= 300  # the provider's latency
        assert tier["ratio"] == tier["beside"]["p99"] / tier["alone"]["p99"]
    assert report["hanging"] == 32  # the dev stack's limit for this tier
    assert report["waiting"] >= 200
    assert report["scaled"]["gain"] > 0
