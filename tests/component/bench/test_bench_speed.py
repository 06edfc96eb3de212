"""The benches of speed run and say what they measured; what the figures are is no matter here."""

from pathlib import Path

import pytest

from tests.support.running.command import Command

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_the_hops_bench(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run(
        "bench", "hop", "--messages", "60000", "--rounds", "1", "--seconds", "1", "--json"
    )
    assert done.code == 0, done.err
    hops = done.json["hops"]
    assert {name.split(",")[0] for name in hops} == {"nothing", "router"}
    assert all(hop["per_second"] > 0 for hop in hops.values())
    assert done.json["best"] == max(
        hops[f"nothing, {name}"]["per_second"] for name in ("aiokafka", "librdkafka")
    )
    assert {rate: delay["messages"] for rate, delay in done.json["delays"].items()} == {
        "200/s": 200,
        "2000/s": 2000,
    }
    assert done.json["kafka_produces"] > 0
    assert done.json["kafka_consumes"] > 0


async def test_the_journeys_bench(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run("bench", "journey", "--rate", "20", "--seconds", "3", "--json")
    assert done.code == 0, done.err
    assert done.json["jobs"] == 60
    assert set(done.json["hops"]) == {"router", "worker", "back to the client"}
    ours = {"router", "worker-small", "worker-medium", "worker-frontier", "audit"}
    assert set(done.json["memory_mb"]) == {*ours, "simulator"}
    assert set(done.json["cpu_ms"]) == {*ours, "simulator", "Kafka", "Postgres"}
    assert done.json["whole"]["p50"] <= done.json["whole"]["p99"] <= done.json["whole"]["longest"]


async def test_the_workers_bench(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run(
        "bench", "worker", "--case", "50:8", "--seconds", "1", "--backlog", "2000", "--backlog-seconds", "1",
        "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (case,) = done.json["cases"]
    assert (case["latency_ms"], case["limit"], case["jobs"]) == (50, 8, 160)
    assert case["worker"]["in_flight"] == case["bare"]["in_flight"] == 8
    assert case["worker"]["per_second"] <= case["ideal"] == 160
    assert case["worker"]["cpu_ms"] > 0
    assert done.json["backlog"]["waiting"] == 2000
    assert done.json["backlog"]["peak_memory_mb"] > 0


async def test_a_case_that_is_none_is_refused(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run("bench", "worker", "--case", "fast")
    assert (done.code, done.out) == (2, "")
    assert "'fast' is no case" in done.err


async def test_the_tiers_bench(tmp_path: Path) -> None:
    done = await Command(tmp_path, {}).run(
        "bench", "tiers", "--rate", "5", "--seconds", "2", "--flood", "200", "--json"
    )
    assert done.code == 0, done.err
    assert set(done.json["tiers"]) == {"small", "medium"}
    for tier in done.json["tiers"].values():
        assert tier["jobs"] == 10
        assert tier["alone"]["p50"] >= 300  # what the provider takes
        assert tier["ratio"] == tier["beside"]["p99"] / tier["alone"]["p99"]
    assert done.json["hanging"] == 32  # the dev stack's limit for this tier
    assert done.json["waiting"] >= 200
    assert done.json["scaled"]["gain"] > 0
