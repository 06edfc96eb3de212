"""Generate a value that satisfies a JSON Schema; equal seeds give equal values."""

from typing import Any

from pointsman.dev.simulator.answering.draw import below

Schema = dict[str, Any]

WORDS = ("alpha", "north", "ledger", "harbour", "quartz", "meadow", "signal", "copper")
FORMATS = {
    "date": "2025-03-14",
    "date-time": "2025-03-14T09:30:00Z",
    "time": "09:30:00Z",
    "email": "post@example.org",
    "uri": "https://example.org/",
    "uuid": "018f4d5e-7a10-7c3e-9b1a-2f6d8c4e0a11",
}
DEEP = 6  # beyond this depth only required properties, so that recursive schemas end
ENDLESS = 60


def example(schema: Schema, seed: int) -> Any:
    """Return an example value. Covers the keywords of structured outputs; `pattern` and `not` are ignored."""
    return _example(schema, seed, root=schema, path="$", depth=0)


def _example(schema: Any, seed: int, *, root: Schema, path: str, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > ENDLESS:  # the schemas `true` and `false`; endless `$ref`s
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return _example(_resolve(reference, root), seed, root=root, path=path, depth=depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][below(seed, path, len(schema["enum"]))]
    if parts := schema.get("allOf"):
        return _example(_merged(schema, parts, root), seed, root=root, path=path, depth=depth)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        # Deep down, the last option is more likely to end a recursion (`anyOf: [Node, null]`).
        return _example(options[-1 if depth > DEEP else 0], seed, root=root, path=path, depth=depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return _object(schema, seed, root=root, path=path, depth=depth)
        case "array":
            return _array(schema, seed, root=root, path=path, depth=depth)
        case "integer" | "number" as number:
            return _number(schema, seed, path, whole=number == "integer")
        case "boolean":
            return below(seed, path, 2) == 1
        case "null":
            return None
        case _:
            return _string(schema, seed, path)


def _object(schema: Schema, seed: int, *, root: Schema, path: str, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    names = schema.get("required", []) if depth > DEEP else list(properties) or schema.get("required", [])
    return {
        name: _example(properties.get(name, {}), seed, root=root, path=f"{path}.{name}", depth=depth + 1)
        for name in names
    }


def _array(schema: Schema, seed: int, *, root: Schema, path: str, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    length = least if depth > DEEP else min(max(least, 1), schema.get("maxItems", max(least, 1)))
    items = schema.get("items", {"type": "string"})
    return [_example(items, seed, root=root, path=f"{path}[{i}]", depth=depth + 1) for i in range(length)]


def _number(schema: Schema, seed: int, path: str, *, whole: bool) -> float:
    """Return a number within the bounds that is a multiple of `multipleOf`, by default 1 or 0.01."""
    step = schema.get("multipleOf", 1 if whole else 0.01)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = 0 if high is None or high >= 0 else high - 100 * step
    first = int(low // step)
    while first * step < low or ("exclusiveMinimum" in schema and first * step <= schema["exclusiveMinimum"]):
        first += 1
    last = first + 100 if high is None else int(high // step)
    while last > first and "exclusiveMaximum" in schema and last * step >= schema["exclusiveMaximum"]:
        last -= 1
    value = (first + below(seed, path, max(last - first, 0) + 1)) * step
    return int(value) if whole else round(value, 10)


def _string(schema: Schema, seed: int, path: str) -> str:
    if (sample := FORMATS.get(schema.get("format", ""))) is not None:
        return sample
    text = WORDS[below(seed, path, len(WORDS))]
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema["maxLength"]] if "maxLength" in schema else text


def _merged(schema: Schema, parts: list[Schema], root: Schema) -> Schema:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        resolved = _resolve(part["$ref"], root) if "$ref" in part else part
        for key, value in resolved.items():
            if key == "properties":
                merged[key] = merged.get(key, {}) | value
            elif key == "required":
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return merged


def _resolve(reference: str, root: Schema) -> Any:
    """Follow a reference like `#/$defs/Name`. An unknown one gives an empty schema."""
    node: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        node = node.get(part, {}) if part and isinstance(node, dict) else node
    return node
