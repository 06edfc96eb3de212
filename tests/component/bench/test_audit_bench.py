"""`bench audit` measures what it claims: the sink and psql store exactly the same rows."""

import pytest

from pointsman.bench.audit import batches, records, run
from pointsman.bench.audit_messages import shipped
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.policy.policy import Policy

ROWS = 2_500


@pytest.fixture(scope="module")
def decided() -> tuple[Policy, RegistryInForce]:
    return shipped()


def test_its_records_are_whole_lanes_in_order(decided: tuple[Policy, RegistryInForce]) -> None:
    all_records = records(*decided, ROWS)
    assert len(all_records) == ROWS
    lanes: dict[tuple[str, int], list[int]] = {}
    for batch in batches(all_records):
        for lane, lane_records in batch.items():
            lanes.setdefault(lane, []).extend(record.offset for record in lane_records)
    assert sum(map(len, lanes.values())) == ROWS
    assert all(offsets == list(range(len(offsets))) for offsets in lanes.values())
    assert {partition for _, partition in lanes} == {0, 1, 2, 3}


@pytest.mark.slow
async def test_it_measures_sink_and_psql_in_one_run(decided: tuple[Policy, RegistryInForce]) -> None:
    messages: list[str] = []
    report = await run(*decided, rows=ROWS, rounds=1, say=messages.append)
    assert (report.rows, report.rounds, messages) == (ROWS, 1, ["round 1 of 1"])
    assert report.sink.per_second > 0
    assert report.sink.postgres_us > 0
    assert report.ratio == pytest.approx(report.sink.per_second * report.psql_us / 1e6)
    assert sum(report.spent_us.values()) >= report.sink.client_us * 0.999
