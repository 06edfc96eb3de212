"""A measurement as the command prints it."""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pointsman.cli import screen

R = TypeVar("R")


def print_report(report: R, tables: Callable[[R], Iterable[Any]], *, as_json: bool) -> None:
    """`report` as JSON, with what it works out of itself, or as `tables`."""
    drawn = () if as_json else tables(report)
    screen.report(_whole(report), *drawn, as_json=as_json)


def _whole(value: Any) -> Any:
    """A dataclass with its public properties beside its fields, and whatever holds such."""
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    if not is_dataclass(value):
        return value
    names = [field.name for field in fields(value)]
    names += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
    return {name: _whole(getattr(value, name)) for name in names if not name.startswith("_")}
