"""A log line's own fields cannot be overwritten by other fields."""

import ast
import json
import logging
from pathlib import Path

import pytest

import pointsman
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import OWN, JsonLogFormatter, event

PACKAGE = Path(pointsman.__path__[0])


@pytest.mark.parametrize("name", OWN)
def test_no_field_overwrites_a_standard_field(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        event(logging.getLogger("here"), logging.INFO, Event.CONNECTION_LOST, **{name: 17, "other": 18})
    (record,) = caplog.records
    line = json.loads(JsonLogFormatter().format(record))
    assert line[f"{name}_"] == 17
    assert (line["event"], line["level"], line["logger"], line["other"]) == (
        "Kafka connection lost, reconnecting",
        "info",
        "here",
        18,
    )
    assert line["at"].startswith("20")


def test_no_declared_event_uses_a_standard_field() -> None:
    clashes = [
        f"{path.relative_to(PACKAGE)}:{call.lineno} {keyword.arg}"
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("event", "failure")
        for keyword in call.keywords
        if keyword.arg in OWN
    ]
    assert clashes == []


def test_every_log_message_of_a_service_is_a_declared_event() -> None:
    """Except in the benchmarks and the simulator, all log messages are declared events, and all are used."""
    calls = [
        (path.relative_to(PACKAGE).as_posix(), call)
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and path.parts[-2] not in ("simulator",)
    ]
    texts = [
        f"{path}:{call.lineno}"
        for path, call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
        and ast.unparse(call.func.value) in ("log", "_log", "logger")
    ]
    assert texts == ["runtime/logging.py:" + texts[0].rpartition(":")[2]]
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert [event.name for event in Event if f"Event.{event.name}" not in sources] == []
