"""Print the report of a benchmark."""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pointsman.runtime.terminal import screen

R = TypeVar("R")


def print_report(report: R, tables: Callable[[R], Iterable[Any]], *, as_json: bool) -> None:
    """Print `report` as JSON, computed properties included, or as `tables`."""
    drawn = () if as_json else tables(report)
    screen.report(_whole(report), *drawn, as_json=as_json)


def _whole(value: Any) -> Any:
    """Convert dataclasses to dicts of fields and public properties, also inside dicts and lists."""
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    if not is_dataclass(value):
        return value
    names = [field.name for field in fields(value)]
    names += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
    return {name: _whole(getattr(value, name)) for name in names if not name.startswith("_")}
