"""Generates a message's schema for the compiled reader from its model.

Unknown types become `never`: the reader then leaves the record to the model.
"""

import re
import string
from collections.abc import Mapping
from typing import Any, TypeAlias

from pointsman_schemas.base import Message, within_utc

#: A schema's name and arguments; see `Node` in `services/native/src/shape.rs`.
Node: TypeAlias = tuple[object, ...]

_NEVER: Node = ("never",)
_MOST = 2**63 - 1
#: Keys that do not restrict values.
_ASIDE = frozenset(("type", "metadata", "ref", "cls", "model_name", "sub_type", "default"))
_FORM = re.compile(r"\A\^\[([^]\\]+)\]\[([^]\\]+)\]\{0,(\d{1,3})\}\$")


def node_of(kind: type[Message], slots: Mapping[str, int]) -> Node:
    """Return the schema of a kind of message. `slots`: output positions by dotted attribute path."""
    return _node(kind.__pydantic_core_schema__, slots, "")


def _node(schema: Any, slots: Mapping[str, int], path: str) -> Node:  # noqa: PLR0912  # one case for each type
    has = {name: value for name, value in schema.items() if name not in _ASIDE}
    match schema["type"], has:
        case "any", {**rest} if not rest:
            return ("any",)
        case "bool" | "uuid" as name, {**rest} if not rest:
            return (name,)
        case "none", {**rest} if not rest:
            return ("null",)
        case "decimal", {**rest} if not rest:
            return ("amount",)
        case "datetime", {"tz_constraint": "aware", "microseconds_precision": "truncate", **rest} if not rest:
            return ("time",)
        case "str", {"pattern": str(pattern), **rest} if not rest:
            return _form(pattern)
        case "str", {**rest} if rest.keys() <= {"min_length", "max_length"}:
            return ("text", rest.get("min_length", 0), rest.get("max_length", _MOST))
        case "int", {**rest} if rest.keys() <= {"ge", "le"}:
            return ("integer", rest.get("ge", -_MOST), rest.get("le", _MOST))
        case "float", {**rest} if rest.keys() <= {"ge", "le"}:
            return ("number", float(rest.get("ge", "-inf")), float(rest.get("le", "inf")))
        case "literal", {"expected": words, **rest} if not rest and all(
            isinstance(word, str) for word in words
        ):
            return ("words", [word.encode() for word in words])
        case "enum", {"members": members, **rest} if not rest and schema.get("sub_type") == "str":
            return ("words", [str(member).encode() for member in members])
        case "nullable", {"schema": inner, **rest} if not rest:
            return ("union", [("null",), _node(inner, slots, path)])
        case "union", {"choices": choices, **rest} if not rest:
            return ("union", [_node(choice, {}, "") for choice in choices])
        case "default", {"schema": inner, **rest} if not rest:
            return _node(inner, slots, path)
        case "function-after", {"schema": inner, "function": {"function": function}, **rest} if not rest:
            return _node(inner, slots, path) if function is within_utc else _NEVER
        case "list", {"items_schema": item, **rest} if rest.keys() <= {"min_length", "max_length"}:
            return _list(item, rest)
        case "tuple", {"items_schema": [item], "variadic_item_index": 0, **rest}:
            return _list(item, rest) if rest.keys() <= {"min_length", "max_length"} else _NEVER
        case "dict", {"keys_schema": {"type": "str", **plain}, "values_schema": value, **rest} if not plain:
            return _map(value, rest) if rest.keys() <= {"max_length"} else _NEVER
        case "model", {"schema": fields, "config": config, "custom_init": False, "root_model": False, **rest}:
            is_known = config.keys() <= {"extra_fields_behavior", "title"} and rest.keys() <= {
                "serialization"
            }
            extra = config.get("extra_fields_behavior")
            return _object(fields, slots, path, extra) if is_known else _NEVER
        case _:
            return _NEVER


def _list(item: Any, bounds: Mapping[str, int]) -> Node:
    return ("list", _node(item, {}, ""), bounds.get("min_length", 0), bounds.get("max_length", _MOST))


def _map(value: Any, bounds: Mapping[str, int]) -> Node:
    # An object without known fields accepts any.
    if value["type"] == "any" and not bounds:
        return ("object", [], True)
    return ("map", _node(value, {}, ""), bounds.get("max_length", _MOST))


def _object(schema: Any, slots: Mapping[str, int], path: str, extra: str | None) -> Node:
    aside = {"computed_fields", "fields"} | _ASIDE
    if schema["type"] != "model-fields" or schema.keys() - aside or extra not in ("forbid", "allow"):
        return _NEVER
    fields = []
    for name, field in schema["fields"].items():
        if field.keys() - {"type", "schema", "metadata", "serialization_exclude_if"}:
            return _NEVER
        field_path = f"{path}.{name}".removeprefix(".")
        node, is_required = _node(field["schema"], slots, field_path), field["schema"]["type"] != "default"
        fields.append((name.encode(), node, is_required, slots.get(field_path)))
    return ("object", fields, extra == "allow")


def _form(pattern: str) -> Node:
    """Return the form of a first character followed by a limited number of others."""
    form = _FORM.fullmatch(pattern)
    if form is None:
        return _NEVER
    first, rest = (
        "".join(re.findall(f"[{characters}]", string.printable)).encode() for characters in form.groups()[:2]
    )
    return ("form", first, rest, int(form[3]) + 1)
