"""A line of the log says of itself what no field can say instead."""

import ast
import json
import logging
from pathlib import Path

import pytest

import pointsman
from pointsman.runtime.logging import OWN, JsonLines, event

PACKAGE = Path(pointsman.__path__[0])


@pytest.mark.parametrize("name", OWN)
def test_no_field_takes_the_place_of_what_a_line_says_of_itself(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        event(logging.getLogger("here"), logging.INFO, "something came", **{name: 17, "other": 18})
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert line[f"{name}_"] == 17
    assert (line["event"], line["level"], line["logger"], line["other"]) == (
        "something came",
        "info",
        "here",
        18,
    )
    assert line["at"].startswith("20")


def test_no_event_of_ours_has_such_a_field() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{call.lineno} {keyword.arg}"
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "event"
        for keyword in call.keywords
        if keyword.arg in OWN
    ]
    assert found == []
