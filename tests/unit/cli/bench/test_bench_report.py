"""Benchmark results are printed as tables or as JSON, including derived values."""

import json
from dataclasses import dataclass

import pytest

from pointsman.cli.bench.report import print_report


@dataclass(frozen=True, slots=True)
class Part:
    one: float
    two: float

    @property
    def ratio(self) -> float:
        return self.two / self.one

    @property
    def _hidden(self) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class Whole:
    parts: dict[str, Part]
    listed: tuple[Part, ...]


WHOLE = Whole({"a": Part(1, 2)}, (Part(2, 1),))


def test_json_has_derived_values_at_every_depth(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(WHOLE, lambda _: pytest.fail("no table is asked for"), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "parts": {"a": {"one": 1, "two": 2, "ratio": 2}},
        "listed": [{"one": 2, "two": 1, "ratio": 0.5}],
    }


def test_people_get_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(WHOLE, lambda report: [f"{len(report.parts)} part", "end"], as_json=False)
    assert capsys.readouterr().out == "1 part\nend\n"
