"""The generated files that describe the contract: JSON Schema, AsyncAPI, the table of topics."""

import base64
import difflib
import json
from pathlib import Path

from pointsman_schemas.base import Json
from pointsman_schemas.export.asyncapi import document
from pointsman_schemas.export.json_schema import schemas
from pointsman_schemas.export.topic_table import topic_table

#: The lines before and after the table in docs/contract.md.
BEGIN, END = "<!-- begin: topics -->", "<!-- end: topics -->"


def exported(checkout: Path) -> dict[Path, str]:
    """Every generated file of the checkout and its text."""
    folder = checkout / "schemas" / "json"
    texts = {folder / f"{name}.json": to_text(schema) for name, schema in schemas().items()}
    texts[folder / "asyncapi.json"] = to_text(document(examples(checkout / "schemas" / "examples")))
    page = checkout / "docs" / "contract.md"
    texts[page] = with_table(page.read_text("utf-8"))
    return texts


def to_text(value: Json) -> str:
    """`value` as reproducible JSON: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def examples(folder: Path) -> dict[str, Json]:
    """The example messages by type: `headers` as an object, `value` as JSON or, for raw bytes, as text."""
    examples_of = {}
    for path in sorted(folder.glob("*.json")):
        example = json.loads(path.read_text("utf-8"))
        if "value_base64" in example:
            example["value"] = base64.b64decode(example["value_base64"]).decode("utf-8", "replace")
        examples_of[path.stem] = example
    return examples_of


def with_table(page: str) -> str:
    """`page` with the current table of topics.

    Raises:
        ValueError: the page lacks the lines around the table.
    """
    before, begin, after_begin = page.partition(BEGIN)
    _, end, after = after_begin.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/contract.md must have the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{topic_table()}\n{END}{after}"


def drift(checkout: Path) -> list[str]:
    """The differences between the files and the code, as lines of a unified diff."""
    files = exported(checkout)
    texts = {path: path.read_text("utf-8") if path.exists() else "" for path in files}
    texts |= {path: path.read_text("utf-8") for path in stale(checkout, files)}
    lines: list[str] = []
    for path, text in texts.items():
        name = path.relative_to(checkout).as_posix()
        lines += difflib.unified_diff(
            text.splitlines(), files.get(path, "").splitlines(), name, f"{name} (from the code)", lineterm=""
        )
    return lines


def stale(checkout: Path, files: dict[Path, str]) -> list[Path]:
    """Files in `schemas/json` that are no longer generated."""
    return sorted(set((checkout / "schemas" / "json").glob("*.json")) - set(files))


def write(checkout: Path) -> list[Path]:
    """Write outdated files and remove stale ones. Returns the changed and removed files."""
    files = exported(checkout)
    changed = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8")
    stale_files = stale(checkout, files)
    for path in stale_files:
        path.unlink()
    return changed + stale_files
