"""Every kind of incompatible schema change is reported; compatible ones pass."""

import copy
from pathlib import Path
from typing import Any

import pytest

from pointsman_schemas.export.compatibility import breaks
from pointsman_schemas.export.json_schema import schemas
from pointsman_schemas.export.published import load, main, read_by_others, violations

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "job_id": {"type": "string", "format": "uuid"},
        "kind": {"anyOf": [{"type": "string", "maxLength": 64}, {"type": "null"}], "default": None},
        "reason": {"$ref": "#/$defs/Reason"},
        "cost": {"type": "number", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "request": {"$ref": "#/$defs/Request"},
    },
    "required": ["job_id", "reason"],
    "additionalProperties": False,
    "$defs": {
        "Reason": {"type": "string", "enum": ["late", "wrong"]},
        "Request": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "inner": {"$ref": "#/$defs/Request"}},
            "additionalProperties": True,
        },
    },
}

PUBLISHED = Path(__file__).parents[3] / "schemas" / "published"

Changes = dict[str, Any]

#: what is changed -> (path: new value, what must be said)
BREAKS_WRITERS: dict[str, tuple[Changes, str]] = {
    "field removed": ({"properties/cost": ...}, "cost: the field is gone"),
    "field becomes required": (
        {"required": ["job_id", "reason", "cost"]},
        "cost: the field must now be there",
    ),
    "required field added": (
        {"properties/why": {"type": "string"}, "required": ["job_id", "reason", "why"]},
        "why: the field must now be there",
    ),
    "null refused": ({"properties/kind/anyOf/1": ...}, "kind: null is no longer accepted"),
    "type narrowed": ({"properties/cost/type": "integer"}, "cost: number is no longer accepted"),
    "type exchanged": ({"properties/cost/type": "string"}, "cost: number is no longer accepted"),
    "items narrowed": ({"properties/tags/items/type": "integer"}, "tags[]: string is no longer accepted"),
    "value removed": ({"$defs/Reason/enum": ["late"]}, "reason: 'wrong' is no longer accepted"),
    "values listed": ({"properties/cost/enum": [1, 2]}, "cost: anything was allowed, now only 1, 2"),
    "constant": ({"properties/cost/const": 1}, "cost: anything was allowed, now only 1"),
    "length tightened": ({"properties/kind/anyOf/0/maxLength": 9}, "kind: maxLength is now 9, was 64"),
    "length limited": ({"properties/job_id/minLength": 1}, "job_id: minLength is now 1, was not limited"),
    "number tightened": ({"properties/cost/minimum": 1}, "cost: minimum is now 1, was 0"),
    "fewer items": ({"properties/tags/maxItems": 8}, "tags: maxItems is now 8, was not limited"),
    "pattern put on": ({"properties/job_id/pattern": "^a"}, "job_id: pattern is now '^a', was None"),
    "format changed": ({"properties/job_id/format": "uri"}, "job_id: format is now 'uri', was 'uuid'"),
    "default changed": (
        {"properties/kind/default": "chat"},
        "kind: what is left out used to mean None, now 'chat'",
    ),
    "default removed": (
        {"properties/tags/default": ...},
        "tags: what is left out used to mean [], now nothing",
    ),
    "closed": (
        {"$defs/Request/additionalProperties": False},
        "request: further fields are no longer accepted",
    ),
    "further fields typed": (
        {"$defs/Request/additionalProperties": {"type": "string"}},
        "request.*: anything is no longer accepted",
    ),
    "open field claimed": (
        {"$defs/Request/properties/top_p": {"type": "number"}},
        "request.top_p: anything is no longer accepted",
    ),
    "deep inside": ({"$defs/Request/properties/model": ...}, "request.model: the field is gone"),
    "unknown keyword": (
        {"properties/cost/if": {"minimum": 3}},
        "cost: 'if' changed, and this comparison does not know what that means",
    ),
}

BREAKS_READERS: dict[str, tuple[Changes, str]] = {
    "value added": (
        {"$defs/Reason/enum": ["late", "wrong", "lost"]},
        "reason: may now be 'lost', which readers do not expect",
    ),
    "values opened": (
        {"$defs/Reason/enum": ...},
        "reason: was one of 'late', 'wrong', may now be anything",
    ),
    "null added": (
        {"properties/cost/type": ["number", "null"]},
        "cost: may now be null, which readers do not expect",
    ),
    "type widened": (
        {"properties/tags/items": {}},
        "tags[]: may now be anything, which readers do not expect",
    ),
    "no longer sure to be there": (
        {"required": ["job_id"]},
        "reason: readers count on the field, and it may now be missing",
    ),
}

HARMLESS: dict[str, Changes] = {
    "nothing": {},
    "optional field added": {"properties/note": {"type": "string", "default": ""}},
    "words": {"properties/cost/description": "in dollars", "title": "A job"},
    "opened": {"additionalProperties": True},
    "untyped parameter described": {"$defs/Request/properties/top_p": {"description": "nucleus"}},
    "definition renamed": {
        "$defs/Why": OLD["$defs"]["Reason"],
        "properties/reason": {"$ref": "#/$defs/Why"},
    },
}


def changed(changes: Changes) -> dict[str, Any]:
    """OLD with the value at each path replaced, or removed if it is `...`."""
    new = copy.deepcopy(OLD)
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
        node: Any = new
        for step in steps:
            node = node[step]
        if value is ...:
            del node[last]
        else:
            node[last] = value
    return new


@pytest.mark.parametrize("change", BREAKS_WRITERS)
@pytest.mark.parametrize("read_by_others", [True, False])
def test_what_breaks_writers_is_found_whoever_reads(change: str, read_by_others: bool) -> None:
    changes, expected = BREAKS_WRITERS[change]
    assert expected in breaks(OLD, changed(changes), read_by_others=read_by_others)


@pytest.mark.parametrize("change", BREAKS_READERS)
def test_what_breaks_readers_counts_only_where_others_read(change: str) -> None:
    changes, expected = BREAKS_READERS[change]
    assert breaks(OLD, changed(changes), read_by_others=True) == [expected]
    assert breaks(OLD, changed(changes), read_by_others=False) == []


@pytest.mark.parametrize("change", HARMLESS)
@pytest.mark.parametrize("read_by_others", [True, False])
def test_harmless_changes_pass(change: str, read_by_others: bool) -> None:
    assert breaks(OLD, changed(HARMLESS[change]), read_by_others=read_by_others) == []


def test_published_schemas_keep_their_promise() -> None:
    assert violations(load(PUBLISHED), schemas()) == {}


def test_the_real_messages_are_judged_by_who_reads_them() -> None:
    current = schemas()
    del current["job.cancelled.v1"]
    current["job.completed.v1"]["properties"]["usage"] = {}
    current["job.routed.v1"]["$defs"]["Check"]["properties"]["layer"]["enum"].append("budget")
    broken = violations(schemas(), current)
    assert broken == {
        "job.cancelled.v1": ["the message is gone"],
        "job.completed.v1": ["usage: may now be anything, which readers do not expect"],
    }
    assert "job.routed.v1" not in read_by_others()


def test_the_command_says_what_to_do_and_publishes_nothing_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--publish"]) == 0
    pinned = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(pinned) == {f"{name}.json" for name in schemas()}

    broken = schemas()
    broken["job.failed.v1"]["required"].append("hint")
    broken["job.plain.v1"]["required"].append("kind")
    monkeypatch.setattr("pointsman_schemas.export.published.schemas", lambda: broken)
    capsys.readouterr()
    assert main(["--folder", str(tmp_path), "--publish"]) == 1
    output = capsys.readouterr().err
    assert "job.failed.v1: hint: the field must now be there" in output
    assert "add job.failed.v2" in output
    assert "job.plain.v1 cannot get a version 2" in output
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == pinned


def test_a_new_message_is_free_until_it_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--folder", str(tmp_path), "--publish"])
    (tmp_path / "job.cancel.v1.json").unlink()
    capsys.readouterr()
    assert main(["--folder", str(tmp_path)]) == 0
    assert "may still change: job.cancel.v1" in capsys.readouterr().out
