"""A day's table is as the migrations make one: the same parts, on that day."""

import pytest

from pointsman.store.verify.catalogue import Thing, _compared


def day(name: str, first: str, after: str, index: str = "bare") -> list[Thing]:
    bounds = f"FOR VALUES FROM ('{first} 00:00:00+00') TO ('{after} 00:00:00+00')"
    table = f"audit.{name}"
    return [
        Thing("table", table, f"p {bounds}", False, "r pointsman_auditor=select"),
        Thing("index", f"{table}.{index}", f"CREATE INDEX {index} ON {table} USING brin (at)", False, None),
        Thing("column", f"{table}.at", "1 timestamptz", False, None),
    ]


EXAMPLE = day("message_20000101", "2000-01-01", "2000-01-02")
LEAP = day("message_20240229", "2024-02-29", "2024-03-01", "message_20240229_at_idx")


def test_a_day_as_it_is_made_is_no_finding() -> None:
    assert list(_compared(EXAMPLE, LEAP)) == []


@pytest.mark.parametrize(
    ("things", "kind"),
    [
        (day("message_20240229", "2024-02-28", "2024-03-01"), "table"),
        (day("message_20240229", "2024-02-29", "2024-03-02"), "table"),
        ([LEAP[0], LEAP[2]], "index"),
        ([*LEAP, LEAP[1]], "index"),
        ([LEAP[0]._replace(grants="w stranger=update"), *LEAP[1:]], "table"),
        (day("message_20230229", "2023-02-28", "2023-03-01"), "column, index, table"),
    ],
    ids=["other day", "longer", "index gone", "index twice", "granted", "no such day"],
)
def test_a_day_that_is_otherwise_is_found(things: list[Thing], kind: str) -> None:
    (finding,) = _compared(EXAMPLE, things)
    assert finding.said.endswith(f"is not as a day's table is made: {kind}")
