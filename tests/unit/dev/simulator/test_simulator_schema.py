"""Generated values satisfy their JSON Schema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.dev.simulator.answering.schema import example

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "required": ["name", "children", "parent"],
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "parent": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]},
    {"type": "array", "items": {"type": "number", "minimum": 2, "maximum": 3}, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": ["integer", "null"], "minimum": 7, "maximum": 7},
    {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    {"type": "integer", "multipleOf": 25, "minimum": 30},
    {"type": "integer", "maximum": -3},
    {"type": "number", "maximum": -3.5},
    {"type": "string", "minLength": 12, "maxLength": 14},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date"},
    {"enum": ["red", "green", 3, None]},
    {"const": {"fixed": True}},
    {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    {
        "allOf": [
            {"properties": {"a": {"const": 1}}, "required": ["a"]},
            {"properties": {"b": {"type": "null"}}},
        ]
    },
    {},
    TREE,
]


@pytest.mark.parametrize("schema", SCHEMAS)
@given(seed=st.integers(0, 2**64 - 1))
def test_examples_satisfy_their_schema(schema: dict[str, Any], seed: int) -> None:
    value = example(schema, seed)
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())
    assert value == example(schema, seed)


def test_a_reference_to_itself_ends() -> None:
    assert example({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, 1) is None
