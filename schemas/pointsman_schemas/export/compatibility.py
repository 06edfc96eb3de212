"""Compares two schemas of a message and lists incompatible changes, which need a new version of the message.

Rules:
- All messages: existing writers and existing records stay valid.
- Messages read by programs outside of pointsman: existing readers stay valid. Enumerations do not grow,
  required fields stay, and no new value type appears. A new optional field is compatible, because readers
  ignore it.
"""

from collections.abc import Iterator
from typing import Any

from pointsman_schemas.base import Json

#: +1: a larger value is stricter; -1: a smaller value is stricter.
_LIMITS = {
    "minLength": 1,
    "minItems": 1,
    "minProperties": 1,
    "minimum": 1,
    "exclusiveMinimum": 1,
    "maxLength": -1,
    "maxItems": -1,
    "maxProperties": -1,
    "maximum": -1,
    "exclusiveMaximum": -1,
}
#: Constraints that cannot be ordered: adding or changing one counts as stricter.
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems", "propertyNames", "oneOf", "allOf", "not")
_COMPARED = {
    *("type", "enum", "const", "anyOf", "$ref", "properties", "required", "additionalProperties", "items"),
    *("default", *_LIMITS, *_EXACT),
}
_NOTES = {"$schema", "$id", "$defs", "title", "description", "examples", "deprecated"}


def breaks(old: Json, new: Json, *, read_by_others: bool) -> list[str]:
    """The incompatible changes from `old` to `new`, in words; empty if there are none.

    `read_by_others`: programs that are not part of pointsman read this message.
    """
    return list(dict.fromkeys(_Comparison(old, new, read_by_others).nodes(old, new, "")))


class _Comparison:
    """One comparison. It tracks the pairs of references in progress, because a schema may refer to itself."""

    def __init__(self, old: Json, new: Json, read_by_others: bool) -> None:
        self.old, self.new, self.readers = old, new, read_by_others
        self.under_way: set[tuple[str, str]] = set()

    def nodes(self, old: Json, new: Json, at: str) -> Iterator[str]:
        refs = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if refs in self.under_way:
                return
            self.under_way.add(refs)
        yield from self._default(old, new, at)
        yield from self._alternatives(_alternatives(old, self.old), _alternatives(new, self.new), at)
        self.under_way.discard(refs)

    def _default(self, old: Json, new: Json, at: str) -> Iterator[str]:
        if "default" in old and old["default"] != new.get("default", _ABSENT):
            became = repr(new["default"]) if "default" in new else "nothing"
            yield f"{_name(at)}: what is left out used to mean {old['default']!r}, now {became}"

    def _alternatives(self, old: list[Json], new: list[Json], at: str) -> Iterator[str]:
        for alternative in old:
            fitting = [other for other in new if _covers(_kind(other), _kind(alternative))]
            if not fitting:
                yield f"{_name(at)}: {_kind(alternative)} is no longer accepted"
                continue
            yield from min((list(self._one(alternative, other, at)) for other in fitting), key=len)
        if self.readers:
            for alternative in new:
                if not any(_covers(_kind(other), _kind(alternative)) for other in old):
                    yield f"{_name(at)}: may now be {_kind(alternative)}, which readers do not expect"

    def _one(self, old: Json, new: Json, at: str) -> Iterator[str]:
        yield from self._vocabulary(old, new, at)
        yield from _limits(old, new, at)
        yield from self._fields(old, new, at)
        if "items" in new:
            yield from self.nodes(old.get("items", {}), new["items"], f"{at}[]")
        for keyword in sorted(set(old) | set(new)):
            if keyword not in _COMPARED | _NOTES and old.get(keyword) != new.get(keyword):
                yield f"{_name(at)}: {keyword!r} changed, and this comparison does not know what that means"

    def _vocabulary(self, old: Json, new: Json, at: str) -> Iterator[str]:
        before, after = _values(old), _values(new)
        if after is not None:
            if before is None:
                yield f"{_name(at)}: anything was allowed, now only {_list(after)}"
            elif removed := [value for value in before if value not in after]:
                yield f"{_name(at)}: {_list(removed)} is no longer accepted"
        if before is not None and self.readers:
            if after is None:
                yield f"{_name(at)}: was one of {_list(before)}, may now be anything"
            elif added := [value for value in after if value not in before]:
                yield f"{_name(at)}: may now be {_list(added)}, which readers do not expect"

    def _fields(self, old: Json, new: Json, at: str) -> Iterator[str]:
        if _kind(new) == _ANYTHING:
            return
        was, now = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for field in was:
            if field not in now:
                yield f"{_name(_join(at, field))}: the field is gone"
            else:
                yield from self.nodes(was[field], now[field], _join(at, field))
        for field in sorted(needs - needed):
            yield f"{_name(_join(at, field))}: the field must now be there"
        if self.readers:
            for field in sorted((needed - needs) & set(now)):
                yield f"{_name(_join(at, field))}: readers count on the field, and it may now be missing"
        yield from self._further_fields(old, new, at)

    def _further_fields(self, old: Json, new: Json, at: str) -> Iterator[str]:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if before is False:
            return
        if after is False:
            yield f"{_name(at)}: further fields are no longer accepted"
        elif after is not True:
            yield from self.nodes(_open(before), after, _join(at, "*"))
        for field in sorted(set(new.get("properties", {})) - set(old.get("properties", {}))):
            yield from self.nodes(_open(before), new["properties"][field], _join(at, field))


def _limits(old: Json, new: Json, at: str) -> Iterator[str]:
    for keyword, direction in _LIMITS.items():
        before, after = old.get(keyword), new.get(keyword)
        if after is not None and (before is None or (after - before) * direction > 0):
            yield f"{_name(at)}: {keyword} is now {after}, was {'not limited' if before is None else before}"
    for keyword in _EXACT:
        if keyword in new and new[keyword] != old.get(keyword):
            yield f"{_name(at)}: {keyword} is now {new[keyword]!r}, was {old.get(keyword)!r}"


_ABSENT = object()
_ANYTHING = "anything"


def _alternatives(node: Json, root: Json) -> list[Json]:
    """The node with references resolved, once for each type of value that it admits."""
    node = _resolve(node, root)
    if "anyOf" in node:
        rest = {keyword: value for keyword, value in node.items() if keyword != "anyOf"}
        return [
            alternative for branch in node["anyOf"] for alternative in _alternatives({**rest, **branch}, root)
        ]
    if isinstance(node.get("type"), list):
        return [{**node, "type": type} for type in node["type"]]
    return [node]


def _resolve(node: Json, root: Json) -> Json:
    while "$ref" in node:
        target = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{keyword: value for keyword, value in node.items() if keyword != "$ref"}}
    return node


def _kind(node: Json) -> str:
    return str(node.get("type", _ANYTHING))


def _covers(wide: str, narrow: str) -> bool:
    return wide in (narrow, _ANYTHING) or (wide, narrow) == ("number", "integer")


def _values(node: Json) -> list[Any] | None:
    return [node["const"]] if "const" in node else node.get("enum")


def _open(further: Json | bool) -> Json:
    return further if isinstance(further, dict) else {}


def _join(at: str, field: str) -> str:
    return f"{at}.{field}" if at else field


def _name(at: str) -> str:
    return at or "the message"


def _list(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)
