"""JSON documents with one mistake."""

from collections.abc import Iterator
from typing import Any

#: Wrong values for any place.
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    [],
    [None],
    ["x"],
    [[]],
    [{}],
    {},
    {"x": 1},
    {"type": "x"},
    {"index": "0"},
)


def spoilt(value: Any) -> Iterator[Any]:
    """`value` with each member and item removed, and with each wrong value in its place."""
    match value:
        case dict():
            for name, member in value.items():
                others = {other: value[other] for other in value if other != name}
                yield others
                yield from ({**value, name: wrong} for wrong in (*WRONG, *spoilt(member)))
        case list():
            for at, item in enumerate(value):
                yield [*value[:at], *value[at + 1 :]]
                yield from ([*value[:at], wrong, *value[at + 1 :]] for wrong in (*WRONG, *spoilt(item)))
